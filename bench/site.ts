// One organisation of a simulated vendor in an installation of the build that is measured: what a benchmark works on.
import { type CliResult, createInstallation, type Installation, type WorkerProcess } from '../test/harness/installation.ts'
import { until } from '../test/harness/until.ts'
import { cpuSeconds } from './process-figures.ts'
import { type SimulatorProcess, startSimulator } from './simulator-process.ts'
import type { Bench } from './work.ts'

export const ORG = 'bench'
export const WITHIN_MS = 1_800_000

export interface Site {
  readonly installation: Installation
  readonly simulator: SimulatorProcess
  /** CPU seconds of everything that is not ours. */
  readonly servers: () => Readonly<Record<string, number>>
  worker(...roles: readonly string[]): WorkerProcess
  /** Begins a run; its id. */
  begin(entities: string): Promise<string>
  /** One to its end, which must be complete; seconds from its creation. */
  sync(entities: string): Promise<number>
  number(sql: string, ...values: readonly unknown[]): Promise<number>
}

/** Throws unless the command ended well. */
export const run = async (installation: Installation, args: readonly string[], input = ''): Promise<CliResult> => {
  const result = await installation.cli(args, input)
  if (result.code !== 0) throw new Error(`syncline ${args.join(' ')}: ${result.stderr || result.stdout}`)
  return result
}

const siteOf = (bench: Bench, installation: Installation, simulator: SimulatorProcess): Site => {
  const { pool } = installation
  const env = bench.profiles === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${bench.profiles}` }

  const begin = async (entities: string): Promise<string> => {
    const selection = entities === 'all' ? [] : ['--select', entities]
    const { json } = await run(installation, ['sync', '--org', ORG, '--json', ...selection])
    return String(json[0]?.['runId'])
  }

  const ended = async (runId: string) => {
    const { rows } = await pool.query<{ state: string; seconds: number }>(
      `select state, extract(epoch from ended_at - created_at)::float as seconds from sync.runs
       where run_id = $1 and ended_at is not null`,
      [runId],
    )
    return rows[0]
  }

  return {
    installation,
    simulator,
    servers: () => ({ ...bench.stack.used(), simulator: cpuSeconds(simulator.pid) }),
    worker: (...roles) => installation.workerWith(env, ...roles),
    begin,
    sync: async (entities) => {
      const runId = await begin(entities)
      await until('the run has ended', async () => (await ended(runId)) !== undefined, WITHIN_MS)
      const { state, seconds } = (await ended(runId)) ?? { state: 'lost', seconds: 0 }
      if (state !== 'complete') throw new Error(`The run is ${state}`)
      return seconds
    },
    number: async (sql, ...values) => {
      const { rows } = await pool.query<{ n: string }>(sql, [...values])
      return Number(rows[0]?.n)
    },
  }
}

export const withSite = async <T>(bench: Bench, people: number, work: (site: Site) => Promise<T>): Promise<T> => {
  const simulator = await startSimulator({ people })
  const { stack, build } = bench
  const installation = await createInstallation(stack.addresses, { SYNCLINE_LOG_LEVEL: 'error' }, build.program)
  try {
    const org = ['org', 'add', ORG, '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
    await run(installation, org, simulator.personalToken)
    return await work(siteOf(bench, installation, simulator))
  } finally {
    await installation.remove()
    await simulator.end()
  }
}
