// What a flood of bad records costs the good ones, from the vendor's API to the tables, by kind of poison. All kinds in turn, round
// by round, each in an installation of its own with one worker, so that whatever else the machine does meets all of them.
// Usage: npm run bench:poison -- [records] [bad per cent] [rounds] [kind,kind…]; the kinds stand in poison-kinds.ts.
// Prints one JSON object per measurement, then one per kind: medians, and the rate of good records against that of 'clean'.
import { prepareInstallation } from '../cli/prepare.ts'
import { openRuntime } from '../cli/runtime.ts'
import type { StackAddresses } from '../local/stack.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { createInstallation, type Installation, type WorkerProcess } from '../test/harness/installation.ts'
import { until } from '../test/harness/until.ts'
import { badMessages, corruptPeople, KINDS, type Kind } from './poison-kinds.ts'
import { cpuSeconds, peakResidentMb } from './process-figures.ts'
import { withStack } from './stack.ts'

const WITHIN_MS = 300_000
/** Seams of a walk are fetched twice: a bad record may then have two letters. One that cannot be read has no id. */
const LETTERS = 'select count(distinct coalesce(external_id, partition || \'/\' || "offset"))::int n from sync.dead_letters'

interface Measured {
  readonly good: number
  readonly bad: number
  readonly seconds: number
  readonly goodPerSecond: number
  /** Of the worker, and of PostgreSQL's processes for it. */
  readonly workerCpu: number
  readonly postgresCpu: number
  readonly peakMb: number
}

const number = async (installation: Installation, sql: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(sql)
  return rows[0]?.n ?? 0
}

const postgresCpu = async ({ pool }: Installation): Promise<number> => {
  const { rows } = await pool.query<{ pid: number }>(
    "select pid from pg_stat_activity where datname = current_database() and application_name like 'syncline%' and pid <> pg_backend_pid()",
  )
  return rows.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
}

const prepare = async (installation: Installation, kind: Kind): Promise<void> => {
  const runtime = await openRuntime({ quiet: true, environment: installation.env })
  await prepareInstallation(runtime).finally(() => runtime.close())
  if (kind.ddl !== undefined) await installation.pool.query(kind.ddl)
}

const runsEnded = (installation: Installation) =>
  number(installation, 'select count(*)::int n from sync.runs where ended_at is not null')

/** A first run of little, so that the worker has joined its groups and compiled what it runs. */
const warmUp = async (installation: Installation): Promise<void> => {
  const asked = await installation.cli(['sync', '--org', 'acme', '--select', 'campus', '--json'])
  if (asked.code !== 0) throw new Error(asked.stderr)
  await until('the first run has ended', async () => (await runsEnded(installation)) === 1, WITHIN_MS)
}

/** Until the run has ended, the good are rows and the bad are in the register. */
const untilSettled = async (installation: Installation, good: number, bad: number): Promise<void> => {
  await until('the run has ended', async () => (await runsEnded(installation)) === 2, WITHIN_MS)
  await until('all bad records are registered', async () => (await number(installation, LETTERS)) >= bad, WITHIN_MS)
  const [rows, letters] = [
    await number(installation, 'select count(*)::int n from canonical.person'),
    await number(installation, LETTERS),
  ]
  if (rows !== good || letters !== bad) throw new Error(`There are ${rows} rows and ${letters} letters, not ${good} and ${bad}`)
}

const measureRun = async (
  installation: Installation,
  worker: WorkerProcess,
  send: () => Promise<void>,
  good: number,
  bad: number,
): Promise<Measured> => {
  await warmUp(installation)
  const cpuBefore = cpuSeconds(worker.pid)
  const startedAt = performance.now()
  const asked = await installation.cli(['sync', '--org', 'acme', '--select', 'person', '--json'])
  if (asked.code !== 0) throw new Error(asked.stderr)
  await Promise.all([send(), untilSettled(installation, good, bad)])
  const seconds = (performance.now() - startedAt) / 1_000
  return {
    good,
    bad,
    seconds,
    goodPerSecond: good / seconds,
    workerCpu: cpuSeconds(worker.pid) - cpuBefore,
    postgresCpu: await postgresCpu(installation),
    peakMb: peakResidentMb(worker.pid),
  }
}

const measure = async (stack: StackAddresses, kind: Kind, records: number, percent: number): Promise<Measured> => {
  const bad = kind.corruption || kind.message ? Math.round((records * percent) / 100) : 0
  const installation = await createInstallation(stack, { SYNCLINE_LOG_LEVEL: 'error' })
  const simulator = await startSimulator({ people: kind.message === undefined ? records : records - bad })
  try {
    await prepare(installation, kind)
    if (kind.corruption) corruptPeople(simulator, bad, kind.corruption)
    const messages = kind.message && (await badMessages(installation, bad, kind.message))
    const org = ['org', 'add', 'acme', '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
    const added = await installation.cli(org, simulator.personalToken)
    if (added.code !== 0) throw new Error(added.stderr)
    return await measureRun(
      installation,
      installation.worker('all'),
      messages?.send ?? (async () => undefined),
      records - bad,
      bad,
    )
  } finally {
    await installation.remove()
    await simulator.close()
  }
}

const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
const rounded = (value: number): number => Math.round(value * 100) / 100
const roundedAll = (values: object): object =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typeof value === 'number' ? rounded(value) : value]))
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Ratios are taken round by round: the rounds may differ, what stands in one was measured in the same minutes. */
const summary = (kind: string, of: readonly Measured[], clean: readonly Measured[]): object => {
  const cpuPerGood = ({ workerCpu, postgresCpu: database, good }: Measured) => (workerCpu + database) / good
  const against = (value: (m: Measured) => number) =>
    median(of.flatMap((m, round) => (clean[round] === undefined ? [] : [value(m) / value(clean[round])])))
  return {
    type: 'kind',
    kind,
    rounds: of.length,
    goodPerSecond: Math.round(median(of.map((m) => m.goodPerSecond))),
    rateAgainstClean: against((m) => m.goodPerSecond),
    cpuAgainstClean: against(cpuPerGood),
    peakMb: Math.round(Math.max(...of.map((m) => m.peakMb))),
  }
}

const main = async (stack: StackAddresses, records: number, percent: number, rounds: number, wanted: string): Promise<void> => {
  const kinds = KINDS.filter(({ name }) => name === 'clean' || wanted === '' || wanted.split(',').includes(name))
  const results = new Map(kinds.map(({ name }) => [name, [] as Measured[]]))
  for (let round = 1; round <= rounds; round++)
    for (const kind of kinds) {
      const measured = await measure(stack, kind, records, percent)
      results.get(kind.name)?.push(measured)
      print(roundedAll({ type: 'measured', round, kind: kind.name, ...measured }))
    }
  for (const [kind, measured] of results) print(roundedAll(summary(kind, measured, results.get('clean') ?? [])))
}

// Workers are ended when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const [, , records = '100000', percent = '10', rounds = '3', wanted = ''] = process.argv
await withStack(({ addresses }) => main(addresses, Number(records), Number(percent), Number(rounds), wanted))
process.exit(0)
