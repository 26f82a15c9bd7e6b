// The tables against the API: equal after a sync, and each way in which they can part is found and told apart, without a write.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { type Installation, newInstallation } from './installation.ts'

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 60, rate: { limit: 15, periodSeconds: 1 } })
  await installation.cli(
    ['org', 'add', '--no-schedules', 'acme', '--base-url', simulator.url, '--rate', '15/1', '--pat-stdin'],
    simulator.personalToken,
  )
  const { code, stderr } = await installation.cli(['sync', '--org', 'acme', '--with-workers'])
  expect(code, stderr).toBe(0)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

interface EntityLine {
  readonly entity: string
  readonly compared: number
  readonly equal: number
  readonly newerThere: number
  readonly differs: number
  readonly onlyHere: number
  readonly onlyThere: number
  readonly findings: readonly object[]
}

const verify = async (...args: readonly string[]) => {
  const result = await installation.cli(['verify', '--org', 'acme', '--against-api', '--json', ...args])
  const line = result.json.at(-1) ?? {}
  // The shape of the line; a wrong one fails the expectations on it.
  const entities = (line['entities'] ?? []) as readonly EntityLine[]
  return { ...result, line, of: (name: string) => entities.find(({ entity }) => entity === name), entities }
}

/** Every row with its physical version: a row written again, even with the same content, is another. */
const tables = async (): Promise<unknown> => {
  const hashes = canonicalEntities.map(async ({ table }) => {
    const { rows } = await installation.pool.query(
      `select count(*)::int as n, md5(string_agg(t.xmin || t::text, '' order by t.id)) as hash from canonical."${table}" t`,
    )
    return [table, rows[0]]
  })
  return Object.fromEntries(await Promise.all(hashes))
}

test('after a sync all is equal, by sample and by sweep, within the limit of the API', async () => {
  const before = await tables()
  const sampled = await verify('--sample', '10')
  expect(sampled.code, sampled.stderr).toBe(0)
  expect(sampled.entities).toHaveLength(10)
  for (const { entity, compared, equal } of sampled.entities) {
    expect(compared, entity).toBeGreaterThan(0)
    expect(equal, entity).toBe(compared)
  }
  const swept = await verify('--all')
  expect(swept.code, swept.stderr).toBe(0)
  expect(swept.line).toMatchObject({ verdict: 'equal', sample: 'all' })
  expect(swept.of('person')).toMatchObject({ compared: 60, equal: 60 })
  expect(simulator.stats().violations).toBe(0)
  expect(await tables()).toEqual(before)
})

test('what was changed on either side is found, named by column, and told apart from what a sync has still to bring', async () => {
  const { pool } = installation
  const [changed, newer, gone] = [...simulator.model.rows('person')].map(({ id }) => id)
  const [email] = [...simulator.model.rows('email')].map(({ id }) => id)
  const phones = [...simulator.model.rows('phone-number')].map(({ id }) => id)
  await pool.query(`update canonical.person set nickname = 'Zaphod' where external_id = $1`, [changed])
  await pool.query('delete from canonical.email where external_id = $1', [email])
  simulator.mutate(
    { op: 'update', entity: 'person', id: newer ?? '', attributes: { nickname: 'Trillian' } },
    { op: 'insert', entity: 'person', attributes: { first_name: 'Ford' } },
    { op: 'delete', entity: 'phone-number', id: phones[0] ?? '' },
  )
  const before = await tables()
  const found = await verify('--all')
  expect(found.code, found.stderr).toBe(3)
  expect(found.line).toMatchObject({ verdict: 'differences' })
  expect(found.of('person')).toMatchObject({ differs: 1, newerThere: 2, onlyHere: 0, onlyThere: 0 })
  expect(found.of('person')?.findings).toContainEqual({ externalId: changed, verdict: 'differs', columns: ['nickname'] })
  expect(found.of('email')).toMatchObject({ onlyThere: 1, differs: 0, findings: [{ externalId: email, verdict: 'only-there' }] })
  expect(found.of('phone-number')).toMatchObject({
    onlyHere: 1,
    differs: 0,
    findings: [{ externalId: phones[0], verdict: 'only-here' }],
  })
  expect(found.stdout).not.toContain('Zaphod')
  expect(await tables()).toEqual(before)

  const sampled = await verify('--entity', 'person', 'phone-number', '--values')
  expect(sampled.entities.map(({ entity }) => entity)).toEqual(['person', 'phone-number'])
  expect(sampled.of('phone-number')).toMatchObject({ onlyHere: 1 })
  expect(sampled.stdout).toContain('Zaphod')

  expect(gone).toBeDefined()
  simulator.mutate({ op: 'delete', entity: 'person', id: gone ?? '' })
  expect((await verify('--entity', 'person', '--sample', '60')).of('person')).toMatchObject({ onlyHere: 1 })
})

test('a refused credential ends it with exit 4, and half a question with exit 2', async () => {
  await installation.cli(
    ['org', 'add', '--no-schedules', 'wrong', '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    'app:wrong',
  )
  const refused = await installation.cli(['verify', '--org', 'wrong', '--against-api'])
  expect(refused.code, refused.stderr).toBe(4)
  expect(refused.stderr).not.toContain('app:wrong')
  expect((await installation.cli(['verify', '--org', 'acme'])).code).toBe(2)
  expect((await installation.cli(['verify', '--org', 'acme', '--against-api', '--entity', 'persn'])).stderr).toContain('person')
})
