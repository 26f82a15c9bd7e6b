// What docs/sizing.md reckons with: CPU and memory of each role in a process of its own, rows and bytes of the ledger and the topics.
// One organisation of many people, loaded and read again; then many small ones, loaded and read by schedules for what has changed.
// Usage: npm run bench:sizing -- [people] [organisations] [people of each]. One JSON object per phase on stdout.
import { setTimeout as delay } from 'node:timers/promises'
import { ROLE_NAMES } from '../cli/role-names.ts'
import { createInstallation, type Installation } from '../test/harness/installation.ts'
import { until } from '../test/harness/until.ts'
import { cpuSeconds, peakResidentMb } from './process-figures.ts'
import { type SimulatorProcess, startSimulator } from './simulator-process.ts'
import { type BenchStack, withStack } from './stack.ts'

const WITHIN_MS = 1_200_000
const IDLE_MS = 30_000
const SCHEDULED_MS = 180_000
const EVERY = ['--every', '1m', '--jitter', '30s', '--missed', 'once']
/** As the image has it (Dockerfile). */
const IMAGE = { NODE_OPTIONS: '--max-semi-space-size=8' }
const LOADED_ORG = 'large'

type Figures = Readonly<Record<string, number>>

const differences = (after: Figures, before: Figures): Figures =>
  Object.fromEntries(
    Object.entries(after)
      .map(([name, value]) => [name, Math.round((value - (before[name] ?? 0)) * 100) / 100] as const)
      .filter(([, value]) => value !== 0),
  )

interface Tables {
  readonly rows: Figures
  readonly bytes: Figures
}

/** By table of a schema, partitions counted with theirs, indexes with theirs. */
const tablesOf = async ({ pool }: Installation, schema: 'sync' | 'canonical'): Promise<Tables> => {
  const { rows: tables } = await pool.query<{ name: string; bytes: string }>(
    `select c.relname as name, sum(pg_total_relation_size(coalesce(i.inhrelid, c.oid)))::text as bytes
     from pg_class c left join pg_inherits i on i.inhparent = c.oid
     where c.relnamespace = $1::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     group by c.relname order by c.relname`,
    [schema],
  )
  const rows: Record<string, number> = {}
  for (const { name } of tables) {
    const counted = await pool.query<{ n: string }>(`select count(*) as n from ${schema}."${name}"`)
    rows[name] = Number(counted.rows[0]?.n)
  }
  return { rows, bytes: Object.fromEntries(tables.map(({ name, bytes }) => [name, Number(bytes)])) }
}

const countRows = async ({ pool }: Installation, sql: string): Promise<number> => {
  const { rows } = await pool.query<{ n: string }>(sql)
  return Number(rows[0]?.n)
}

const ended = (installation: Installation) =>
  countRows(installation, `select count(*) as n from sync.runs where state = 'complete'`)

const records = (installation: Installation) =>
  countRows(installation, `select coalesce(sum(bit_count(merged) + bit_count(unchanged)), 0) as n from sync.landings`)

const cli = async (installation: Installation, args: readonly string[], input?: string): Promise<void> => {
  const { code, stderr } = await installation.cli(args, input)
  if (code !== 0) throw new Error(stderr)
}

const ask = async (installation: Installation, orgs: readonly string[], ...choice: readonly string[]): Promise<void> => {
  const before = await ended(installation)
  for (const org of orgs) {
    await cli(installation, ['sync', '--org', org, ...choice])
  }
  await until('the runs are complete', async () => (await ended(installation)) >= before + orgs.length, WITHIN_MS)
}

const addOrgs = async (installation: Installation, orgs: readonly string[], { url, personalToken }: SimulatorProcess) => {
  for (const org of orgs) {
    await cli(
      installation,
      ['org', 'add', org, '--base-url', url, '--rate', 'none', '--no-schedules', '--pat-stdin'],
      personalToken,
    )
  }
}

const main = async (stack: BenchStack, people: string, organisations: number, peopleOfEach: string): Promise<void> => {
  const installation = await createInstallation(stack.addresses, { SYNCLINE_LOG_LEVEL: 'error' })
  const simulators = await Promise.all([people, peopleOfEach].map((n) => startSimulator({ people: Number(n) })))
  const [large, small] = simulators as [SimulatorProcess, SimulatorProcess] // one for each of the two
  try {
    const workers = ROLE_NAMES.map((role) => ({ role, worker: installation.workerWith(IMAGE, role) }))
    const byRole = (figure: (pid: number) => number): Figures =>
      Object.fromEntries(workers.map(({ role, worker }) => [role, figure(worker.pid)]))

    const phase = async (name: string, work: () => Promise<unknown>): Promise<void> => {
      const before = { cpu: byRole(cpuSeconds), services: stack.used(), ledger: await tablesOf(installation, 'sync') }
      const [recordsBefore, runsBefore, startedMs] = [await records(installation), await ended(installation), performance.now()]
      await work()
      const seconds = Math.round((performance.now() - startedMs) / 100) / 10
      const ledger = await tablesOf(installation, 'sync')
      const figures = {
        seconds,
        runs: (await ended(installation)) - runsBefore,
        records: (await records(installation)) - recordsBefore,
        cpu: differences(byRole(cpuSeconds), before.cpu),
        services: differences(stack.used(), before.services),
        peakMb: differences(byRole(peakResidentMb), {}),
        ledgerRows: differences(ledger.rows, before.ledger.rows),
        ledgerBytes: differences(ledger.bytes, before.ledger.bytes),
        tables: await tablesOf(installation, 'canonical'),
        topicBytes: stack.topicBytes(installation.prefix),
      }
      process.stdout.write(`${JSON.stringify({ type: 'phase', name, ...figures })}\n`)
    }

    await addOrgs(installation, ['first', LOADED_ORG], large)
    // A first run of little, so that the workers have joined their groups and their code is compiled.
    await ask(installation, ['first'], '--select', 'campus')
    await phase('load', () => ask(installation, [LOADED_ORG]))
    await phase('unchanged', () => ask(installation, [LOADED_ORG]))
    await phase('idle', () => delay(IDLE_MS))
    const orgs = Array.from({ length: organisations }, (_, index) => `org-${index}`)
    await addOrgs(installation, orgs, small)
    await phase('small-load', () => ask(installation, orgs))
    for (const org of orgs) await cli(installation, ['schedule', 'add', '--org', org, '--strategy', 'delta', ...EVERY])
    await phase('scheduled', () => delay(SCHEDULED_MS))
    await Promise.all(workers.map(({ worker }) => worker.stop()))
  } finally {
    await installation.remove()
    await Promise.all(simulators.map((simulator) => simulator.end()))
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const [, , people = '20000', organisations = '50', peopleOfEach = '200'] = process.argv
await withStack((stack) => main(stack, people, Number(organisations), peopleOfEach))
process.exit(0)
