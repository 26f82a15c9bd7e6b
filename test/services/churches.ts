// Organisations in the states that commands are for, each its own: connected, synced, paused, with a run that fails or waits. Most are made
// without a process of the command line; one worker carries their runs out.
import { saveConnection } from '../../ledger/organisations.ts'
import { changeRun, createRun, findRun, hasEnded } from '../../ledger/runs.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import { pauseSource } from '../../ledger/source-health.ts'
import type { Strategy } from '../../manifests/strategy.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { authorise } from '../harness/consent.ts'
import { type Installation, until } from './installation.ts'

/** What stands for the names in a command, and how it ends in this state. */
export interface State {
  readonly org: string
  /** Of a run or a dead letter. */
  readonly id?: string
  readonly code?: number
}

/** Above the ten that a reconciliation may delete without an approval. */
const MANY = 11
const NOWHERE = 'http://127.0.0.1:1'
const PERSON = ['person']

export type Churches = Awaited<ReturnType<typeof churchesIn>>

export const churchesIn = async ({ pool, env, cli, worker }: Installation) => {
  const key = parseEncryptionKey(env['SYNCLINE_ENCRYPTION_KEY'] ?? '')
  const simulators: Simulator[] = []
  const simulate = async (): Promise<Simulator> => {
    const simulator = await startSimulator({ people: 40, seed: 3 })
    simulators.push(simulator)
    return simulator
  }
  // Makes the tables.
  await cli(['org', 'list'])
  worker('all')
  const common = await simulate()

  let orgs = 0
  const owner = (orgId: string) => ({ orgId, source: 'pco', adapter: 'pco' })
  const connect = (org: string, baseUrl: string, credential = common.personalToken) =>
    saveConnection(pool, key, { ...owner(org), baseUrl, settings: {}, rateLimit: 'none', credential })
  const add = async (baseUrl = common.url, credential?: string): Promise<string> => {
    const org = `church-${++orgs}`
    await connect(org, baseUrl, credential)
    return org
  }
  const ask = (org: string, strategy: Strategy = 'full', selection: readonly string[] = PERSON) =>
    createRun(pool, { ...owner(org), strategy, selection })
  const untilEnded = (run: string) =>
    until('the run has ended', async () => hasEnded((await findRun(pool, run))?.state ?? 'planned'))
  const run = async (org: string, strategy?: Strategy, selection?: readonly string[]): Promise<string> => {
    const id = await ask(org, strategy, selection)
    await untilEnded(id)
    return id
  }
  const [first] = [...common.model.rows('person')]

  const synced = await add()
  await run(synced, 'full', [])

  return {
    token: common.personalToken,
    app: common.app,
    synced: { org: synced },
    connected: async (): Promise<State> => ({ org: await add() }),
    paused: async (): Promise<State> => {
      const org = await add()
      await pauseSource(pool, owner(org), null)
      return { org }
    },
    withRunEnded: async (): Promise<State> => {
      const org = await add()
      return { org, id: await run(org) }
    },
    withRunUnderWay: async (): Promise<State> => {
      const org = await add(NOWHERE)
      return { org, id: await ask(org) }
    },
    withRunPaused: async (): Promise<State> => {
      const org = await add(NOWHERE)
      const id = await ask(org)
      await changeRun(pool, id, 'pause')
      await connect(org, common.url)
      return { org, id }
    },
    withRunFailed: async (): Promise<State> => {
      const org = await add(common.url, 'nobody:nothing')
      const id = await run(org)
      await connect(org, common.url)
      return { org, id }
    },
    withDeadLetter: async (): Promise<State> => {
      const simulator = await simulate()
      simulator.mutate({ op: 'corrupt', entity: 'person', id: first?.id ?? '', attributes: { child: [1] } })
      const org = await add(simulator.url)
      await run(org)
      const { rows } = await pool.query<{ id: string }>(
        `select partition || '/' || "offset" as id from sync.dead_letters where org_id = $1`,
        [org],
      )
      return { org, ...rows[0] }
    },
    withDeletionsWaiting: async (): Promise<State> => {
      const simulator = await simulate()
      const org = await add(simulator.url)
      await run(org)
      const gone = [...simulator.model.rows('person')].slice(0, MANY)
      simulator.mutate(...gone.map(({ id }) => ({ op: 'delete' as const, entity: 'person' as const, id })))
      return { org, id: await run(org, 'reconcile') }
    },
    /** By OAuth, with tokens that the vendor refuses for good. */
    unauthorised: async (): Promise<State> => {
      const simulator = await simulate()
      const org = `church-${++orgs}`
      await authorise(pool, key, simulator, org)
      simulator.oauth.revoke()
      return { org }
    },
    close: () => Promise.all(simulators.map((simulator) => simulator.close())),
  }
}
