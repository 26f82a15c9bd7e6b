// The main job, timed: all records of a simulated organisation from the API to the tables, no rate limit, one worker with all roles,
// everything on that is on in production. First into empty tables, then again with nothing changed.
// Usage: npm run bench:main -- [people] [entity,entity… | all] [passes]. One JSON object per pass on stdout.
import { createInstallation, type Installation, type WorkerProcess } from '../test/harness/installation.ts'
import { until } from '../test/harness/until.ts'
import { cpuSeconds, mainThreadSeconds, peakResidentMb } from './process-figures.ts'
import { type SimulatorProcess, startSimulator } from './simulator-process.ts'
import { type BenchStack, withStack } from './stack.ts'

const WITHIN_MS = 900_000

interface Run {
  readonly ended: number
  readonly failed: number
  readonly seconds: number
}

const lastRun = async ({ pool }: Installation): Promise<Run> => {
  const { rows } = await pool.query<Run>(
    `select count(ended_at)::int as ended, count(*) filter (where ended_at is not null and state <> 'complete')::int as failed,
       coalesce(extract(epoch from max(ended_at) - max(created_at)), 0)::float as seconds from sync.runs`,
  )
  return rows[0] ?? { ended: 0, failed: 0, seconds: 0 }
}

const outcomes = async ({ pool }: Installation): Promise<{ merged: number; unchanged: number }> => {
  const { rows } = await pool.query<{ merged: number; unchanged: number }>(
    `select coalesce(sum(bit_count(merged)), 0)::int as merged, coalesce(sum(bit_count(unchanged)), 0)::int as unchanged
     from sync.landings where run_id = (select run_id from sync.runs order by created_at desc limit 1)`,
  )
  return rows[0] ?? { merged: 0, unchanged: 0 }
}

const sync = async (installation: Installation, entities: string): Promise<void> => {
  const before = await lastRun(installation)
  const selection = entities === 'all' ? [] : ['--select', entities]
  const asked = await installation.cli(['sync', '--org', 'bench', '--json', ...selection])
  if (asked.code !== 0) throw new Error(asked.stderr)
  await until('the run has ended', async () => (await lastRun(installation)).ended > before.ended, WITHIN_MS)
  if ((await lastRun(installation)).failed > 0) throw new Error('The run is not complete')
}

const rounded = (value: number): number => Math.round(value * 10) / 10

const measurePass = async (
  stack: BenchStack,
  installation: Installation,
  worker: WorkerProcess,
  simulator: SimulatorProcess,
  entities: string,
): Promise<object> => {
  const [cpu, mainThread] = [cpuSeconds(worker.pid), mainThreadSeconds(worker.pid)]
  const [simulatorCpu, services] = [cpuSeconds(simulator.pid), stack.used()]
  await sync(installation, entities)
  const used = Object.entries(stack.used()).map(([name, seconds]) => [name, rounded(seconds - (services[name] ?? 0))])
  const { seconds } = await lastRun(installation)
  const { merged, unchanged } = await outcomes(installation)
  return {
    seconds: rounded(seconds),
    merged,
    unchanged,
    recordsPerSecond: Math.round((merged + unchanged) / seconds),
    workerCpu: rounded(cpuSeconds(worker.pid) - cpu),
    mainThread: rounded(mainThreadSeconds(worker.pid) - mainThread),
    ...Object.fromEntries(used),
    simulatorCpu: rounded(cpuSeconds(simulator.pid) - simulatorCpu),
    peakMb: Math.round(peakResidentMb(worker.pid)),
  }
}

const main = async (stack: BenchStack, people: string, entities: string, passes: number): Promise<void> => {
  const simulator = await startSimulator(people)
  const installation = await createInstallation(stack.addresses, { SYNCLINE_LOG_LEVEL: 'error' })
  try {
    const org = ['org', 'add', 'bench', '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
    const added = await installation.cli(org, simulator.personalToken)
    if (added.code !== 0) throw new Error(added.stderr)
    const worker = installation.worker('all')
    // A first run of little, so that the worker has joined its groups.
    await sync(installation, 'campus')
    for (let pass = 1; pass <= passes; pass++) {
      const figures = await measurePass(stack, installation, worker, simulator, entities)
      process.stdout.write(`${JSON.stringify({ type: 'pass', pass, people: Number(people), entities, ...figures })}\n`)
    }
    await worker.stop()
  } finally {
    await installation.remove()
    await simulator.end()
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const [, , people = '200000', entities = 'person', passes = '2'] = process.argv
await withStack((stack) => main(stack, people, entities, Number(passes)))
process.exit(0)
