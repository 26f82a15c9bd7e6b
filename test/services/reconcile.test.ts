// No delete on doubt, on the real services: what speaks against deleting a row, and what an approval lets go.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import type { Mutation } from '../../simulator/mutation.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type CliResult, type Installation, newInstallation } from './installation.ts'

const { manifest } = adapterByName('pco')
const PEOPLE = 200

let installation: Installation
let simulator: Simulator
let org = ''
let orgs = 0

beforeAll(async () => {
  installation = await newInstallation()
})

beforeEach(async () => {
  org = `church-${++orgs}`
  simulator = await startSimulator({ people: PEOPLE, seed: 3 })
  await installation.cli(
    ['org', 'add', '--no-schedules', org, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
  const full = await run('full')
  expect(full.code, full.stderr).toBe(0)
  return () => simulator.close()
})

afterAll(async () => {
  await installation?.remove()
})

const run = (strategy: string, ...args: readonly string[]): Promise<CliResult> =>
  installation.cli(['sync', '--org', org, '--strategy', strategy, '--with-workers', '--json', ...args])

const runIdOf = (result: CliResult): string => String(result.json.at(-1)?.['runId'])

const lineOf = (result: CliResult, entity: string): unknown => {
  const entities = result.json.at(-1)?.['entities']
  return Array.isArray(entities) ? entities.find((line) => line.entity === entity) : undefined
}

const reconciliations = async (result: CliResult) =>
  (await installation.cli(['reconcile', 'show', runIdOf(result), '--json'])).json

const countOf = async (sql: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(sql, [org])
  return rows[0]?.n ?? 0
}

const livingPeople = () => countOf('select count(*) as n from canonical.person where org_id = $1 and deleted_at is null')

const watermarkOf = async (entity: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ at: Date }>(
    'select at from sync.watermarks where org_id = $1 and entity = $2',
    [org, entity],
  )
  return rows[0]?.at.getTime() ?? 0
}

const people = (): string[] => [...simulator.model.rows('person')].map(({ id }) => id)

const deletions = (ids: readonly string[]): Mutation[] => ids.map((id) => ({ op: 'delete', entity: 'person', id }))

const differences = async () => {
  const all = await compareWithModel(installation.pool, manifest, { orgId: org, source: 'pco' }, simulator.model)
  return all.filter((each) => !isEqual(each))
}

describe('more than may go without an approval', () => {
  test('is parked and said, nothing of it deleted; an approval deletes what is gone, and is written down', async () => {
    const gone = people().slice(0, 30)
    simulator.mutate(...deletions(gone))
    const result = await run('reconcile', '--select', 'person')
    expect([result.code, result.json.at(-1)]).toMatchObject([
      3,
      { state: 'complete_with_exceptions', reason: '30 deletions waiting for an approval' },
    ])
    expect(await livingPeople()).toBe(PEOPLE)
    expect(await reconciliations(result)).toMatchObject([
      { entity: 'person', state: 'parked', liveRows: PEOPLE, missing: 30, allowed: 10, gone: 0 },
    ])
    const { stdout } = await installation.cli(['status', '--run', runIdOf(result)])
    expect(stdout).toContain(`syncline reconcile approve ${runIdOf(result)}`)

    const approved = await installation.cli(['reconcile', 'approve', runIdOf(result), '--with-workers', '--json'])
    expect(approved.json.at(-1), approved.stderr).toMatchObject({ state: 'complete', strategy: 'reconcile' })
    expect(await livingPeople()).toBe(PEOPLE - 30)
    expect(await reconciliations(result)).toMatchObject([{ state: 'approved', gone: 30, kept: 0, approvedBy: runIdOf(approved) }])
    const audit = await installation.cli(['audit', '--org', org, '--json'])
    expect(audit.json).toContainEqual(
      expect.objectContaining({
        action: 'deletions.approved',
        subject: runIdOf(result),
        facts: { by: runIdOf(approved), rows: { person: 30 } },
      }),
    )
    const again = await installation.cli(['reconcile', 'approve', runIdOf(approved)])
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('No deletion of run')])
  })

  test('that is there all the same when it is approved stays', async () => {
    const hidden = people().slice(0, 30)
    simulator.mutate(...hidden.map((id) => ({ op: 'hide' as const, entity: 'person' as const, id })))
    const result = await run('reconcile', '--select', 'person')
    expect(result.code, result.stderr).toBe(3)
    const approved = await installation.cli(['reconcile', 'approve', runIdOf(result), '--with-workers', '--json'])
    expect(approved.code, approved.stderr).toBe(0)
    expect(await livingPeople()).toBe(PEOPLE)
    expect(await reconciliations(result)).toMatchObject([{ state: 'approved', gone: 0, kept: 30 }])
  })
})

describe('no row is deleted', () => {
  test('that the list omits and the API has: it is updated', async () => {
    const [hidden = ''] = people()
    simulator.mutate(
      { op: 'hide', entity: 'person', id: hidden },
      { op: 'update', entity: 'person', id: hidden, attributes: { nickname: 'Slartibartfast' } },
    )
    const result = await run('reconcile')
    expect(result.code, result.stderr).toBe(0)
    expect(await reconciliations(result)).toContainEqual(
      expect.objectContaining({ entity: 'person', missing: 1, gone: 0, kept: 1 }),
    )
    expect(await differences()).toEqual([])
  })

  test('by a walk whose total does not agree with what it showed: it ends unproven, and no watermark moves', async () => {
    const [hidden = '', gone = ''] = people()
    simulator.mutate({ op: 'hide', entity: 'person', id: hidden, counted: true }, ...deletions([gone]))
    const before = await watermarkOf('person')
    const result = await run('reconcile')
    expect(result.code, result.stderr).toBe(3)
    expect(lineOf(result, 'person')).toMatchObject({ state: 'unproven', reason: expect.stringContaining('3 sweeps') })
    expect(await livingPeople()).toBe(PEOPLE)
    expect(await watermarkOf('person')).toBe(before)
    // What is proven goes on: the addresses of the one that is gone are gone.
    expect(lineOf(result, 'email')).toMatchObject({ state: 'closed' })
    expect(await watermarkOf('email')).toBeGreaterThan(before)
    expect((await reconciliations(result)).map((line) => line['entity'])).not.toContain('person')
  })

  test('of an entity with a record that could not be read', async () => {
    const [corrupt = '', gone = ''] = people()
    simulator.mutate({ op: 'corrupt', entity: 'person', id: corrupt, attributes: { child: [1] } }, ...deletions([gone]))
    const result = await run('reconcile', '--select', 'person')
    expect(result.code, result.stderr).toBe(3)
    expect(lineOf(result, 'person')).toMatchObject({
      state: 'unproven',
      dead: 1,
      reason: expect.stringContaining('could not be read'),
    })
    expect(await livingPeople()).toBe(PEOPLE)
  })

  test('of memberships whose groups are not read in the same run', async () => {
    const [gone] = simulator.model.rows('group-membership')
    simulator.mutate({ op: 'delete', entity: 'group-membership', id: gone?.id ?? '' })
    const result = await run('reconcile', '--select', 'group-membership')
    expect(result.code, result.stderr).toBe(3)
    expect(lineOf(result, 'group-membership')).toMatchObject({
      state: 'unproven',
      reason: expect.stringContaining('below each group'),
    })
    const found = await countOf(
      'select count(*) as n from canonical.group_membership where org_id = $1 and deleted_at is not null',
    )
    expect(found).toBe(0)
  })
})

test('rows of other organisations and sources are none of its business', async () => {
  const other = await countOf('select count(*) as n from canonical.person where org_id <> $1 and deleted_at is null')
  simulator.mutate(...deletions(people().slice(0, 3)))
  const result = await run('reconcile', '--select', 'person')
  expect(result.code, result.stderr).toBe(0)
  expect(await livingPeople()).toBe(PEOPLE - 3)
  expect(await countOf('select count(*) as n from canonical.person where org_id <> $1 and deleted_at is null')).toBe(other)
})

test('of a run whose pages are no longer kept nothing is said that is not known', async () => {
  const [hidden = ''] = people()
  simulator.mutate({ op: 'hide', entity: 'person', id: hidden })
  const result = await run('reconcile', '--select', 'person')
  const runId = runIdOf(result)
  expect((await installation.cli(['verify', '--run', runId])).code).toBe(0)
  const { rows } = await installation.pool.query<{ part: string }>(
    "select inhrelid::regclass::text as part from pg_inherits where inhparent in ('sync.pages'::regclass, 'sync.landings'::regclass)",
  )
  await installation.pool.query(`drop table ${rows.map(({ part }) => part).join(', ')}`)

  const verified = await installation.cli(['verify', '--run', runId, '--json'])
  expect([verified.code, verified.json]).toMatchObject([6, [{ verdict: 'not-kept', missingReceipts: [] }]])
  expect((await installation.cli(['verify', '--run', runId])).stderr).toContain('pages are no longer kept')
  expect((await installation.cli(['show', '--run', runId])).stdout).toContain('Its pages are no longer kept')
  expect((await installation.cli(['show', '--run', runId, '--json'])).json).toMatchObject([{ pagesKept: false }])
  expect(await reconciliations(result)).toMatchObject([{ entity: 'person', missing: 1, gone: null, kept: null }])
})
