// Other teams' consumers, in Java, Python and Go with stock clients: what each reads from the canonical topics is what the tables
// hold, after a change, a deletion and a forgotten organisation. One whose toolchain is not on this machine is skipped, which is said.
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { type Installation, newInstallation } from './installation.ts'

const BUILD_TIMEOUT_MS = 600_000

const CONSUMERS = [
  { language: 'java', needs: [['java', '-version'] as const, ['mvn', '-version'] as const] },
  { language: 'python', needs: [['python3', '-c', 'import venv, ensurepip'] as const] },
  { language: 'go', needs: [['go', 'version'] as const] },
]

let installation: Installation
let simulator: Simulator
let build: string

const cli = async (...args: readonly string[]): Promise<void> => {
  const { code, stderr } = await installation.cli(args, simulator.personalToken)
  expect(code, stderr).toBe(0)
}

beforeAll(async () => {
  build = mkdtempSync(join(tmpdir(), 'syncline-consumers-'))
  installation = await newInstallation()
  simulator = await startSimulator({ people: 60 })
  for (const org of ['stays', 'gone']) {
    await cli('org', 'add', org, '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin')
    await cli('sync', '--org', org, '--with-workers')
  }
  const [changed, deleted] = [...simulator.model.rows('person')].map(({ id }) => id)
  simulator.mutate(
    { op: 'update', entity: 'person', id: changed ?? '', attributes: { nickname: 'Changed' } },
    { op: 'delete', entity: 'person', id: deleted ?? '' },
  )
  await cli('sync', '--org', 'stays', '--strategy', 'reconcile', '--with-workers')
  await cli('org', 'forget', 'gone', '--yes')
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
  rmSync(build, { recursive: true, force: true })
})

type Line = Readonly<Record<string, unknown>>

const sorted = (lines: readonly Line[]): readonly Line[] =>
  lines.toSorted((a, b) => `${a['topic']}/${a['id']}`.localeCompare(`${b['topic']}/${b['id']}`))

/** What a consumer should print: the living rows. */
const linesOfTables = async (): Promise<readonly Line[]> => {
  const { canonical } = topicsWithPrefix(installation.prefix)
  const tables = canonicalEntities.map(async ({ entity, table, columns }) => {
    const name = columns.some(({ column }) => column === 'name') ? 'name' : 'null'
    const { rows } = await installation.pool.query<Line>(
      `select $1::text as topic, id, org_id as "orgId", external_id as "externalId", ${name} as name,
         (extract(epoch from source_updated_at) * 1000)::float8 as "sourceUpdatedAt"
       from canonical."${table}" where deleted_at is null`,
      [canonical(entity)],
    )
    return rows
  })
  return sorted((await Promise.all(tables)).flat())
}

const isHere = ([program, ...args]: readonly [string, ...string[]]): boolean => spawnSync(program, args).status === 0

for (const { language, needs } of CONSUMERS) {
  const missing = needs.find((command) => !isHere(command))
  const title = missing === undefined ? '' : ` (skipped: \`${missing.join(' ')}\` does not run here)`
  test.skipIf(missing !== undefined)(
    `a consumer in ${language} reads what the tables hold${title}`,
    async () => {
      const { canonical } = topicsWithPrefix(installation.prefix)
      const env = {
        ...process.env,
        BUILD_DIR: join(build, language),
        KAFKA_BROKERS: installation.env['SYNCLINE_KAFKA_BROKERS'],
        SCHEMA_REGISTRY_URL: installation.env['SYNCLINE_SCHEMA_REGISTRY_URL'],
      }
      const topics = canonicalEntities.map(({ entity }) => canonical(entity))
      const { stdout } = await promisify(execFile)(resolve('examples/consume', language, 'run'), topics, {
        env,
        timeout: BUILD_TIMEOUT_MS,
        maxBuffer: 64 * 1024 * 1024,
      })
      const read = stdout
        .trim()
        .split('\n')
        .map((line): Line => JSON.parse(line))
      const expected = await linesOfTables()
      expect(expected.length).toBeGreaterThan(100)
      expect(sorted(read)).toEqual(expected)
    },
    BUILD_TIMEOUT_MS,
  )
}
