// Parked records on the real services: a parent that no list shows is fetched by its id; one that does not exist is named.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { ROLE_NAMES } from '../../cli/role-names.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { changeEntities, planRun } from '../../ledger/entities.ts'
import { readyForRepair, repairOnce } from '../../ledger/repair.ts'
import { createRun } from '../../ledger/runs.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { plannedEntity } from '../harness/planned-entity.ts'
import { type Installation, newInstallation, until } from './installation.ts'

const { manifest } = adapterByName('pco')
const ORG = 'church'

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 300 })
  await installation.cli(
    ['org', 'add', '--no-schedules', ORG, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const sync = () => installation.cli(['sync', '--org', ORG, '--with-workers', '--json'])

const differences = async (orgId = ORG, { model } = simulator) => {
  const all = await compareWithModel(installation.pool, manifest, { orgId, source: 'pco' }, model)
  return all.filter((difference) => !isEqual(difference))
}

/** People who are in a household and have an email, by which it shows whether what hangs below them came along. */
const people = ({ model } = simulator): string[] => {
  const mailed = new Set([...model.rows('email')].map(({ relationships }) => idOf(relationships['person'])))
  const housed = [...model.rows('household-membership')].map(({ relationships }) => idOf(relationships['person']))
  return [...new Set(housed)].filter((id) => mailed.has(id))
}

const idOf = (relation: unknown): string => {
  const data = typeof relation === 'object' && relation !== null && 'data' in relation ? relation.data : null
  return typeof data === 'object' && data !== null && 'id' in data ? String(data.id) : ''
}

const repairCalls = async (runId: unknown): Promise<readonly string[]> => {
  const { rows } = await installation.pool.query<{ request: string }>(
    `select p.request from sync.pages p join sync.ranges r using (run_id, range_id)
     where run_id = $1 and r.spec -> 'walk' ->> 'kind' = 'ids' order by p.range_id, p.page`,
    [runId],
  )
  return rows.map(({ request }) => request.replace(/\?.*/, ''))
}

test('a parent that the list omits is fetched by its id with what hangs below it, and the run is complete', async () => {
  const hidden = people().slice(0, 30)
  simulator.mutate(...hidden.map((id) => ({ op: 'hide' as const, entity: 'person' as const, id })))
  const result = await sync()
  expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete' })
  expect(result.code, result.stderr).toBe(0)
  expect(await differences()).toEqual([])
  const { runId } = result.json.at(-1) ?? {}
  expect([...(await repairCalls(runId))].sort()).toEqual(hidden.map((id) => `/people/v2/people/${id}`).sort())
  const verified = await installation.cli(['verify', '--run', String(runId), '--json'])
  expect(verified.code, verified.stdout).toBe(0)
  expect(verified.json.at(-1)).toMatchObject({ verdict: 'closed', missingParents: 0, parked: [] })
})

test('a parent that exists nowhere, or has died, leaves its child parked: exit 3, and status, show and verify name it', async () => {
  const [group] = simulator.model.rows('group')
  const [household] = simulator.model.rows('household')
  const [late, dead, orphan] = simulator
    .mutate(
      { op: 'insert', entity: 'person', attributes: { first_name: 'Late' } },
      { op: 'insert', entity: 'person', attributes: { first_name: 'Dead' } },
      { op: 'insert', entity: 'group-membership', relationships: { person: '999999999', group: group?.id ?? '' } },
    )
    .map(({ id }) => id)
  simulator.mutate(
    { op: 'insert', entity: 'household-membership', relationships: { person: late ?? '', household: household?.id ?? '' } },
    { op: 'hide', entity: 'person', id: late ?? '' },
    // In the tables since the first run: nobody waits for this one.
    { op: 'hide', entity: 'person', id: people().at(-1) ?? '' },
    { op: 'insert', entity: 'email', attributes: { address: 'd@example.org' }, relationships: { person: dead ?? '' } },
    { op: 'corrupt', entity: 'person', id: dead ?? '', attributes: { child: [1] } },
  )
  const result = await sync()
  expect(result.code, result.stderr).toBe(3)
  expect(result.json.at(-1)).toMatchObject({ state: 'complete_with_exceptions' })
  const entities = result.json.at(-1)?.['entities']
  expect(entities).toContainEqual(expect.objectContaining({ entity: 'group-membership', state: 'closed', parked: 1 }))
  expect(entities).toContainEqual(expect.objectContaining({ entity: 'household-membership', state: 'closed', parked: 0 }))

  // One repair for all; one that is not there keeps no other away, and one that died is not asked for to die again.
  const runId = String(result.json.at(-1)?.['runId'])
  expect([...(await repairCalls(runId))].sort()).toEqual(['/people/v2/people/999999999', `/people/v2/people/${late}`].sort())
  expect(await differences()).toMatchObject([
    { entity: 'email', extra: [], different: [] },
    { entity: 'group-membership', missing: [orphan], extra: [], different: [] },
  ])

  const parked = [
    { entity: 'email', parent: 'person', externalId: dead, records: 1, status: 'dead' },
    { entity: 'group-membership', parent: 'person', externalId: '999999999', records: 1, status: 'absent' },
  ]
  for (const [command, code] of [
    ['status', 0],
    ['show', 0],
    ['verify', 3],
  ] as const) {
    const json = await installation.cli([command, '--run', runId, '--json'])
    expect(json.json.at(-1), command).toMatchObject({ missingParents: 2, parked })
    expect(json.code, command).toBe(code)
  }
  const { stdout } = await installation.cli(['status', '--run', runId])
  expect(stdout).toContain('1 record of group-membership waits for person 999999999, which the API does not have')
})

describe('the step that opens a repair', () => {
  test('is done once however many leaders take it, and sets going what had closed', async () => {
    const { pool } = installation
    const runId = await createRun(pool, { orgId: ORG, source: 'pco', adapter: 'pco', strategy: 'full', selection: [] })
    await planRun(pool, runId, [
      plannedEntity('person', { carries: ['email'] }),
      plannedEntity('email', { hard: ['person'], carrier: 'person' }),
      plannedEntity('event', { hard: ['person'] }),
    ])
    for (const entity of ['person', 'email']) await changeEntities(pool, runId, [{ entity, from: 'waiting', to: 'closed' }])
    await changeEntities(pool, runId, [{ entity: 'event', from: 'waiting', to: 'landing' }])
    const ranges = [
      { spec: { entity: 'person', walk: { kind: 'ids', ids: ['1'] } as const, carries: ['email'] }, counted: false },
    ]
    const open = () => repairOnce(pool, runId, ['event'], async () => ranges)
    expect(await open()).toBeUndefined()
    expect([await readyForRepair(pool, runId, 'event'), await readyForRepair(pool, runId, 'event')]).toEqual([true, false])

    const opened = await Promise.all([open(), open(), open()])
    expect(opened.filter((reopened) => reopened !== undefined)).toHaveLength(1)
    const reopened = opened.find((one) => one !== undefined) ?? []
    expect([...reopened].sort((a, b) => (a.entity < b.entity ? -1 : 1))).toEqual([
      { entity: 'email', state: 'landing' },
      { entity: 'person', state: 'fetching' },
    ])
    const { rows } = await pool.query('select entity, spec from sync.ranges where run_id = $1', [runId])
    expect(rows).toEqual([{ entity: 'person', spec: ranges[0]?.spec }])
    await installation.cli(['cancel', '--run', runId])
  })
})

test('an orchestrator killed when a repair begins and a fetcher killed in the middle of it cost a page, and the ledger closes', async () => {
  const { pool } = installation
  const slow = await startSimulator({ people: 200, latencyMs: 100 })
  const hidden = people(slow).slice(0, 40)
  slow.mutate(...hidden.map((id) => ({ op: 'hide' as const, entity: 'person' as const, id })))
  const workers = new Map(ROLE_NAMES.map((role) => [role, installation.worker(role)]))
  const replace = async (role: (typeof ROLE_NAMES)[number]) => {
    await workers.get(role)?.kill()
    workers.set(role, installation.worker(role))
  }
  const repair = async (runId: string) => {
    const { rows } = await pool.query<{ state: string; page: number; calls: number }>(
      `select state, next_page as page, calls from sync.ranges where run_id = $1 and spec -> 'walk' ->> 'kind' = 'ids'`,
      [runId],
    )
    return rows
  }
  try {
    const add = ['org', 'add', '--no-schedules', 'killed', '--base-url', slow.url, '--rate', 'none', '--pat-stdin']
    await installation.cli(add, slow.personalToken)
    const running = installation.cli(['sync', '--org', 'killed', '--wait', '--json'])
    const runOf = async () => (await pool.query("select run_id from sync.runs where org_id = 'killed'")).rows[0]?.run_id
    await until('there is a run', async () => (await runOf()) !== undefined)
    const runId = String(await runOf())
    await until('the repair is opened', async () => (await repair(runId)).length > 0)
    await replace('orchestrate')
    await until('the repair is under way', async () => Number((await repair(runId))[0]?.page) > 5)
    const [atKill] = await repair(runId)
    await replace('fetch')

    const result = await running
    expect(atKill).toMatchObject({ state: 'open' })
    expect(result.code, result.stderr + workers.get('fetch')?.log()).toBe(0)
    expect(result.json.at(-1)).toMatchObject({ runId, state: 'complete' })
    expect(await repair(runId)).toEqual([{ state: 'ended', page: hidden.length, calls: hidden.length }])
    const asked = slow.stats().byPath['GET /people/v2/people/{id}'] ?? 0
    expect(asked - hidden.length, 'the page in flight at the kill').toBeLessThanOrEqual(1)
    expect(await differences('killed', slow)).toEqual([])
    const verified = await installation.cli(['verify', '--run', runId, '--json'])
    expect(verified.json.at(-1)).toMatchObject({ verdict: 'closed', missingParents: 0, parked: [] })
  } finally {
    await Promise.all([...workers.values()].map((worker) => worker.kill()))
    await slow.close()
  }
})
