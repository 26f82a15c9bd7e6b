// A source whose credential is exchanged for one of another account at the vendor: its rows are not taken for gone, and nothing of the
// other account is mixed with them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAsks } from '../../ledger/asks.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { followConsent } from '../harness/consent.ts'
import { type Installation, newInstallation, until } from './installation.ts'

let installation: Installation
let own: Simulator
let foreign: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  own = await startSimulator({ people: 60 })
  foreign = await startSimulator({ people: 60, seed: 2, organizationId: '2' })
  await connectTo(own)
  const synced = await installation.cli(['sync', '--org', 'acme', '--with-workers'])
  expect(synced.code, synced.stderr).toBe(0)
})

afterAll(async () => {
  await installation?.remove()
  await own?.close()
  await foreign?.close()
})

const connectTo = async ({ url, personalToken }: Simulator): Promise<void> => {
  const args = ['org', 'add', 'acme', '--base-url', url, '--rate', 'none', '--no-schedules', '--pat-stdin']
  const added = await installation.cli(args, personalToken)
  expect(added.code, added.stderr).toBe(0)
}

const reconcile = () => installation.cli(['sync', '--org', 'acme', '--strategy', 'reconcile', '--with-workers', '--json'])

const people = async (): Promise<unknown> => {
  const { rows } = await installation.pool.query(
    `select external_id, last_changed_run_id from canonical.person where org_id = 'acme' and deleted_at is null order by id`,
  )
  return rows
}

test('a token of another account fails the run and says so, whatever it was to do; the right one goes on', async () => {
  const before = await people()
  await connectTo(foreign)
  const refused = await reconcile()
  expect(refused.code, refused.stderr).toBe(4)
  expect(refused.json.at(-1)).toMatchObject({ type: 'run', state: 'failed', errorCode: 'auth' })
  expect(refused.stderr).toContain('is for account 2, and its rows are those of account 1')
  expect(refused.stderr).toContain('--source NAME')
  expect(await people()).toEqual(before)
  await installation.cli(['org', 'remove', 'acme', '--yes'])
  await connectTo(foreign)
  expect((await reconcile()).code).toBe(4)
  expect(await people()).toEqual(before)
  await connectTo(own)
  const done = await reconcile()
  expect(done.code, done.stderr).toBe(0)
  expect(await people()).toEqual(before)
})

test('what another account does not have is not taken for gone when a webhook asks for it either', async () => {
  await connectTo(foreign)
  const { pool } = installation
  const { rows } = await pool.query<{ entity: 'person' | 'email'; id: string }>(
    `(select 'person' as entity, external_id as id from canonical.person where org_id = 'acme' and deleted_at is null order by external_id limit 1)
     union all (select 'email', external_id from canonical.email where org_id = 'acme' and deleted_at is null order by external_id desc limit 1)`,
  )
  for (const { entity, id } of rows)
    if ([...foreign.model.rows(entity)].some((row) => row.id === id)) foreign.mutate({ op: 'delete', entity, id })
  const asks = rows.map(({ entity, id: externalId }) => {
    return { orgId: 'acme', source: 'pco', entity, externalId, parents: {}, why: 'hint' } as const
  })
  await recordAsks(pool, asks)
  const worker = installation.worker('all')
  const failed = async () => (await pool.query('select reason from sync.asks where failures > 0')).rows
  await until('both are put off', async () => (await failed()).length === 2)
  expect(JSON.stringify(await failed())).toContain('account 2')
  await connectTo(own)
  await until('both are asked of the right one', async () => (await pool.query('select from sync.asks')).rowCount === 0)
  await worker.stop()
  for (const { entity, id } of rows) {
    const row = await pool.query(`select deleted_at from canonical.${entity} where org_id = 'acme' and external_id = $1`, [id])
    expect(row.rows, entity).toEqual([{ deleted_at: null }])
  }
})

test('consent that was given for another account pauses the run until it is given for the right one', async () => {
  const consent = async ({ url, app }: Simulator) => {
    const args = ['--client-id', app.clientId, '--base-url', url, '--rate', 'none', '--listen', '127.0.0.1:0', '--json']
    const command = installation.begin(['org', 'connect', 'acme', ...args], '', {
      SYNCLINE_OAUTH_CLIENT_SECRET: app.clientSecret,
    })
    await until('it waits for the callback', () => command.stdout().includes('\n'))
    expect((await fetch(await followConsent(JSON.parse(command.stdout().split('\n')[0] ?? '').url))).status).toBe(200)
    expect((await command.ended).code).toBe(0)
  }
  const before = await people()
  await consent(foreign)
  const worker = installation.worker('all')
  const asked = await installation.cli(['sync', '--org', 'acme', '--json'])
  const runId = String(asked.json.at(-1)?.['runId'])
  const stateIs = (state: string) =>
    until(`the run is ${state}`, async () => {
      const { rows } = await installation.pool.query('select state from sync.runs where run_id = $1', [runId])
      return rows[0]?.['state'] === state
    })
  await stateIs('paused')
  expect((await installation.cli(['org', 'list', '--json'])).json.at(-1)?.['reauthorise']).toContain('account 2')
  await consent(own)
  await stateIs('complete')
  expect(await people()).toEqual(before)
  await worker.stop()
})

test('an organisation that was forgotten may be of any account', async () => {
  const worker = installation.worker('process', 'sink')
  await until('it is forgotten', async () => (await installation.cli(['org', 'forget', 'acme', '--yes'])).code === 0)
  await worker.stop()
  await connectTo(foreign)
  const synced = await installation.cli(['sync', '--org', 'acme', '--with-workers', '--select', 'campus'])
  expect(synced.code, synced.stderr).toBe(0)
})
