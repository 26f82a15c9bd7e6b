// Deltas and reconciliations on the real services: what changes at the API is in the tables, what is gone is deleted, nothing else is.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { canonicalId } from '../../manifests/identity.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type CliResult, type Installation, newInstallation, until } from './installation.ts'

const { manifest } = adapterByName('pco')

let installation: Installation
const simulators: Simulator[] = []

beforeAll(async () => {
  // The tests delete a good part of small organisations; what more needs an approval is in reconcile.test.ts.
  installation = await newInstallation({ SYNCLINE_MAX_DELETED_PERCENT: '30' })
})

afterAll(async () => {
  await installation?.remove()
  await Promise.all(simulators.map((simulator) => simulator.close()))
})

/** A simulated organisation of its own, connected. */
const church = async (org: string, people = 300): Promise<Simulator> => {
  const simulator = await startSimulator({ people, seed: 7 })
  simulators.push(simulator)
  const { code } = await installation.cli(
    ['org', 'add', '--no-schedules', org, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
  expect(code).toBe(0)
  return simulator
}

const sync = (org: string, strategy: string, ...args: readonly string[]): Promise<CliResult> =>
  installation.cli(['sync', '--org', org, '--strategy', strategy, '--with-workers', '--json', ...args])

const synced = async (org: string, strategy: string, ...args: readonly string[]): Promise<CliResult> => {
  const result = await sync(org, strategy, ...args)
  expect(result.json.at(-1), result.stderr).toMatchObject({ type: 'run', state: 'complete', strategy })
  return result
}

/** What the tables have and the model has not, or the other way round. */
const differences = async (org: string, { model }: Simulator) =>
  (await compareWithModel(installation.pool, manifest, { orgId: org, source: 'pco' }, model)).filter((each) => !isEqual(each))

const expectEqual = async (org: string, simulator: Simulator): Promise<void> =>
  expect(await differences(org, simulator)).toEqual([])

const rowsWhere = async (org: string, table: string, condition: string): Promise<readonly Record<string, unknown>[]> => {
  const { rows } = await installation.pool.query(
    `select * from canonical.${table} where org_id = $1 and ${condition} order by external_id`,
    [org],
  )
  return rows
}

const ids = ({ model }: Simulator, entity: Parameters<Simulator['model']['rows']>[0]): string[] =>
  [...model.rows(entity)].map(({ id }) => id)

const lineOf = (result: CliResult, entity: string): Record<string, unknown> | undefined => {
  const entities = result.json.at(-1)?.['entities']
  // The shape of the last line of `sync --json`.
  return (Array.isArray(entities) ? (entities as Record<string, unknown>[]) : []).find((line) => line['entity'] === entity)
}

const runIdOf = (result: CliResult): string => String(result.json.at(-1)?.['runId'])

const watermarks = async (org: string): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await installation.pool.query<{ entity: string; at: Date }>(
    'select entity, at from sync.watermarks where org_id = $1',
    [org],
  )
  return new Map(rows.map(({ entity, at }) => [entity, at.getTime()]))
}

describe('an organisation that changes', () => {
  const org = 'changing'
  let simulator: Simulator
  const gone: { person: string; email: string; merged: string; kept: string; group: string; household: string } = {
    person: '',
    email: '',
    merged: '',
    kept: '',
    group: '',
    household: '',
  }

  beforeAll(async () => {
    simulator = await church(org)
    await synced(org, 'full')
    await expectEqual(org, simulator)
  })

  test('a delta brings what was created and changed, children by themselves, and asks for little', async () => {
    const people = ids(simulator, 'person')
    const [made] = simulator.mutate({ op: 'insert', entity: 'person', attributes: { first_name: 'Ada', last_name: 'New' } })
    const person = made?.id ?? ''
    simulator.mutate(
      { op: 'insert', entity: 'email', attributes: { address: 'ada@example.org' }, relationships: { person } },
      { op: 'insert', entity: 'address', attributes: { city: 'Bern', location: 'Home' }, relationships: { person } },
      { op: 'update', entity: 'person', id: people[3] ?? '', attributes: { nickname: 'Zaphod' } },
      // A change of a child does not touch its parent.
      { op: 'update', entity: 'email', id: ids(simulator, 'email')[5] ?? '', attributes: { address: 'new@example.org' } },
      { op: 'update', entity: 'address', id: ids(simulator, 'address')[9] ?? '', attributes: { city: 'Basel' } },
      { op: 'update', entity: 'phone-number', id: ids(simulator, 'phone-number')[2] ?? '', attributes: { location: 'Work' } },
      { op: 'update', entity: 'group', id: ids(simulator, 'group')[0] ?? '', attributes: { description: 'New' } },
      { op: 'update', entity: 'event', id: ids(simulator, 'event')[0] ?? '', attributes: { name: 'Feast' } },
      { op: 'insert', entity: 'group-membership', relationships: { person, group: ids(simulator, 'group')[1] ?? '' } },
    )
    const result = await synced(org, 'delta')
    await expectEqual(org, simulator)
    // The generated people are of the past: what the look-back shows again is what was made just now.
    expect(lineOf(result, 'person')).toMatchObject({ merged: 2, calls: 2 })
    expect(lineOf(result, 'email')).toMatchObject({ merged: 2, since: expect.any(String) })
    expect(lineOf(result, 'address')).toMatchObject({ merged: 2, calls: 1 })
    expect(lineOf(result, 'group')).toMatchObject({ merged: 2 })
  })

  test('a delta deletes nothing but people who were merged, which point to the one that was kept', async () => {
    const people = ids(simulator, 'person')
    Object.assign(gone, { person: people[20], merged: people[30], kept: people[31] })
    gone.email = [...simulator.model.rows('email')].find((row) => !JSON.stringify(row).includes(`"${gone.person}"`))?.id ?? ''
    gone.group = ids(simulator, 'group')[4] ?? ''
    gone.household = ids(simulator, 'household')[6] ?? ''
    simulator.mutate(
      { op: 'delete', entity: 'person', id: gone.person },
      { op: 'delete', entity: 'email', id: gone.email },
      { op: 'merge', entity: 'person', id: gone.merged, into: gone.kept },
    )
    await synced(org, 'delta')
    const left = await differences(org, simulator)
    expect(left.flatMap(({ missing }) => missing)).toEqual([])
    // Counts and names of contacts change along, and the API does not say that the household has changed.
    expect(left.flatMap(({ entity, different }) => (different.length > 0 ? [entity] : []))).toEqual(['household'])
    expect(left.find(({ entity }) => entity === 'person')?.extra).toEqual([gone.person])
    const [merged] = await rowsWhere(org, 'person', `external_id = '${gone.merged}'`)
    expect(merged).toMatchObject({
      deleted_at: expect.any(Date),
      first_name: null,
      merged_into_id: canonicalId(org, 'pco', 'person', gone.kept),
    })
  })

  test('a reconciliation deletes what is gone, children and memberships too, and the tables equal the model', async () => {
    simulator.mutate(
      { op: 'delete', entity: 'group', id: gone.group },
      { op: 'delete', entity: 'household', id: gone.household },
      // Brought by the walk itself.
      { op: 'insert', entity: 'person', attributes: { first_name: 'Late' } },
    )
    const before = await rowsWhere(org, 'person', 'deleted_at is not null')
    const result = await synced(org, 'reconcile')
    await expectEqual(org, simulator)
    const tombstones = await rowsWhere(org, 'person', 'deleted_at is not null')
    expect(tombstones.map((row) => row['external_id']).sort()).toEqual([gone.person, gone.merged].sort())
    const [person] = await rowsWhere(org, 'person', `external_id = '${gone.person}'`)
    expect(person).toMatchObject({ merged_into_id: null, name: null, first_run_id: expect.any(String) })
    expect(await rowsWhere(org, 'email', `external_id = '${gone.email}' and deleted_at is not null`)).toHaveLength(1)
    // Read again each time, found unchanged.
    expect(tombstones.find((row) => row['external_id'] === gone.merged)?.['deleted_at']).toEqual(before[0]?.['deleted_at'])
    const verified = await installation.cli(['verify', '--run', runIdOf(result), '--json'])
    expect(verified.json.at(-1)).toMatchObject({ verdict: 'closed' })
  })

  test('a second reconciliation finds nothing gone', async () => {
    const result = await synced(org, 'reconcile')
    const shown = await installation.cli(['reconcile', 'show', runIdOf(result), '--json'])
    expect(shown.json.map((line) => line['missing'])).toEqual(shown.json.map(() => 0))
    expect(shown.json).toHaveLength(10)
    for (const entity of ['person', 'email', 'group']) expect(lineOf(result, entity)).toMatchObject({ merged: 0 })
    await expectEqual(org, simulator)
  })
})

describe('where a delta begins', () => {
  const org = 'beginning'
  let simulator: Simulator

  beforeAll(async () => {
    simulator = await church(org, 100)
  })

  test('a delta of what was never read reads everything of it, and says so', async () => {
    const result = await synced(org, 'delta')
    expect(lineOf(result, 'person')).toMatchObject({ state: 'closed', merged: 100, why: expect.stringContaining('never') })
    await expectEqual(org, simulator)
    const dry = await installation.cli(['sync', '--org', org, '--strategy', 'delta', '--dry-run', '--json'])
    expect(dry.code).toBe(0)
    expect(dry.json).toContainEqual(
      expect.objectContaining({ type: 'planned-entity', entity: 'person', since: expect.any(String) }),
    )
    expect(dry.json).toContainEqual(expect.objectContaining({ entity: 'group', since: null }))
    const runs = await installation.cli(['runs', '--org', org, '--json'])
    expect(runs.json).toHaveLength(1)
  })

  test('a moment after the watermark leaves a gap, and raises no watermark', async () => {
    const before = await watermarks(org)
    await installation.pool.query("update sync.watermarks set at = at - interval '1 day' where org_id = $1", [org])
    const later = new Date((before.get('person') ?? 0) - 3_600_000).toISOString()
    const result = await synced(org, 'delta', '--since', later, '--select', 'person,group')
    expect(lineOf(result, 'person')).toMatchObject({ since: `${later.slice(0, 19)}Z` })
    expect((await watermarks(org)).get('person')).toBe((before.get('person') ?? 0) - 86_400_000)
    // Of groups everything was read.
    expect((await watermarks(org)).get('group')).toBeGreaterThan(before.get('group') ?? 0)
    await synced(org, 'delta', '--select', 'person')
    expect((await watermarks(org)).get('person')).toBeGreaterThan(before.get('person') ?? 0)
  })

  test('a filter that the API ignores is found out: what it shows then is not taken for changes', async () => {
    const calls = (await synced(org, 'delta', '--select', 'email')).json.at(-1)?.['entities']
    // The first is the question whether the API answers at all.
    simulator.tamper('ignored-filter', 2)
    const result = await synced(org, 'delta', '--select', 'email')
    expect(simulator.tampering()).toEqual([])
    // Asked for once more; the whole collection it showed is on no page.
    expect(calls).toMatchObject([{ calls: 1, fetched: 0 }])
    expect(lineOf(result, 'email')).toMatchObject({ fetched: 0, calls: 2 })
  })

  test('a strategy that there is not, and a moment for a run that reads everything, are wrong usage', async () => {
    const unknown = await sync(org, 'delat')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('delta')])
    const since = await sync(org, 'full', '--since', '1h')
    expect([since.code, since.stderr]).toEqual([2, expect.stringContaining('--strategy delta')])
    const nothing = await sync(org, 'full', '--select', 'person-merger')
    expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('reads nothing of: person-merger')])
  })
})

test('a delta overlaps a full run of the same organisation; a second run of either kind names the first', async () => {
  const org = 'overlapping'
  const simulator = await startSimulator({ people: 1_500, seed: 9, latencyMs: 60 })
  simulators.push(simulator)
  await installation.cli(
    ['org', 'add', '--no-schedules', org, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
  await synced(org, 'full', '--select', 'person')
  const worker = installation.worker('all')
  const full = installation.cli(['sync', '--org', org, '--wait', '--json'])
  const active = async () => (await installation.cli(['status', '--org', org, '--json'])).json
  await until('the full run is under way', async () => (await active()).some((line) => line['state'] === 'running'))
  const again = await installation.cli(['sync', '--org', org, '--strategy', 'reconcile', '--json'])
  expect([again.code, again.stderr]).toEqual([5, expect.stringContaining('A full run of overlapping/pco is running')])
  simulator.mutate({
    op: 'update',
    entity: 'person',
    id: ids(simulator, 'person')[0] ?? '',
    attributes: { nickname: 'Trillian' },
  })
  const delta = await installation.cli(['sync', '--org', org, '--strategy', 'delta', '--select', 'person', '--wait', '--json'])
  expect(delta.json.at(-1), delta.stderr).toMatchObject({ state: 'complete', strategy: 'delta' })
  // Which of both runs reads the change first is not known: the delta has read it in any case.
  expect(lineOf(delta, 'person')?.['fetched']).toBeGreaterThan(0)
  expect((await full).json.at(-1)).toMatchObject({ state: 'complete', strategy: 'full' })
  await expectEqual(org, simulator)
  expect(await worker.stop()).toBe(0)
})
