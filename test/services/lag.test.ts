// The lag of our groups as Kafka's own tool tells it, which anybody who runs Kafka has: what waits is seen, and that nothing waits.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isSynclineError } from '../../platform/errors.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { fetchKafkaTools, GROUP_TOOL } from '../harness/kafka-tools.ts'
import { type Installation, newInstallation, until } from './installation.ts'

const MEMORY = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

const tool = await fetchKafkaTools().catch((error: unknown) => {
  if (isSynclineError(error, 'unavailable')) return error
  throw error
})
const missing = tool instanceof Error ? tool.message : undefined

interface Lag {
  readonly group: string
  readonly topic: string
  /** Undefined where nothing was ever committed. */
  readonly committed: number | undefined
  readonly lag: number | undefined
}

const figure = (text = '-'): number | undefined => (text === '-' ? undefined : Number(text))

/** Rows of its table; the columns are GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG and who has them. */
const rowsOf = (output: string): readonly Lag[] =>
  output
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => /^\d+$/.test(cells[2] ?? ''))
    .map(([group = '', topic = '', , committed, , lag]) => ({ group, topic, committed: figure(committed), lag: figure(lag) }))

const sum = (rows: readonly Lag[], of: (row: Lag) => number | undefined): number =>
  rows.reduce((total, row) => total + (of(row) ?? 0), 0)

let installation: Installation
let simulator: Simulator

const describeGroup = async (group: string): Promise<readonly Lag[]> => {
  if (tool instanceof Error) throw tool
  const brokers = installation.env['SYNCLINE_KAFKA_BROKERS'] ?? ''
  const args = [...MEMORY, '-cp', tool.classPath, GROUP_TOOL, '--bootstrap-server', brokers, '--describe', '--group', group]
  const { stdout } = await promisify(execFile)(tool.java, args)
  return rowsOf(stdout).filter((row) => row.group === group)
}

const sync = async (): Promise<void> => {
  const { code, stderr } = await installation.cli(['sync', '--org', 'acme'])
  expect(code, stderr).toBe(0)
}

const count = async (sql: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(sql)
  return rows[0]?.n ?? 0
}

const completeRuns = () => count(`select count(*)::int as n from sync.runs where state = 'complete'`)

beforeAll(async () => {
  if (missing !== undefined) return
  installation = await newInstallation()
  simulator = await startSimulator({ people: 120 })
  const org = ['org', 'add', 'acme', '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
  expect((await installation.cli(org, simulator.personalToken)).code).toBe(0)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
  if (!(tool instanceof Error)) tool.remove()
})

test.skipIf(missing !== undefined)(
  `Kafka's own tool sees our groups: no lag after a sync, and what waits while a role is away${missing === undefined ? '' : ` (skipped: ${missing})`}`,
  async () => {
    const topics = topicsWithPrefix(installation.prefix)
    const [fetch, process, sink] = [topics.group('fetch'), topics.group('process'), topics.group('sink')]
    const others = installation.worker('orchestrate', 'fetch', 'process')
    const sinkWorker = installation.worker('sink')
    await sync()
    await until('the first run is complete', async () => (await completeRuns()) === 1)

    for (const [group, topic] of [
      [fetch, topics.commands],
      [process, topics.raw('pco')],
      [sink, topics.canonical('person')],
    ] as const) {
      await until(`${group} has committed all`, async () => {
        const rows = (await describeGroup(group)).filter((row) => row.topic === topic)
        return sum(rows, ({ committed }) => committed) > 0 && sum(rows, ({ lag }) => lag) === 0
      })
    }

    await sinkWorker.stop()
    await sync()
    // Other entities come along, people do not: they wait until campuses have landed.
    const campuses = [...simulator.model.rows('campus')].length
    const lagOfCampuses = async () =>
      sum(
        (await describeGroup(sink)).filter(({ topic }) => topic === topics.canonical('campus')),
        ({ lag }) => lag,
      )
    expect(campuses).toBeGreaterThan(0)
    await until('the sink lags by the campuses', async () => (await lagOfCampuses()) >= campuses)
    expect(await completeRuns()).toBe(1)

    installation.worker('sink')
    await until('the second run is complete', async () => (await completeRuns()) === 2)
    await until('the sink lags no more', async () => sum(await describeGroup(sink), ({ lag }) => lag) === 0)
    await others.stop()
  },
)
