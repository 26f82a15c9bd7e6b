// What a benchmark works on: an installation of the build that is measured beside simulated vendors, each a process of its own; and the
// one organisation that most works need.
import type { SimulatorOptions } from '../simulator/simulator.ts'
import { type CliResult, createInstallation, type Installation, type WorkerProcess } from '../test/harness/installation.ts'
import { until } from '../test/harness/until.ts'
import { cpuSeconds } from './process-figures.ts'
import { type SimulatorProcess, startSimulator, type Vendor } from './simulator-process.ts'
import type { Bench } from './work.ts'

export const ORG = 'bench'
export const WITHIN_MS = 1_800_000

export interface Site<V extends Vendor = Vendor> {
  readonly installation: Installation
  readonly vendors: readonly V[]
  /** CPU seconds of everything that is not ours. */
  readonly servers: () => Readonly<Record<string, number>>
  worker(...roles: readonly string[]): WorkerProcess
  number(sql: string, ...values: readonly unknown[]): Promise<number>
}

/** Throws unless the command ended well. */
export const run = async (installation: Installation, args: readonly string[], input = ''): Promise<CliResult> => {
  const result = await installation.cli(args, input)
  if (result.code !== 0) throw new Error(`syncline ${args.join(' ')}: ${result.stderr || result.stdout}`)
  return result
}

/** Fails at once when a worker ends meanwhile, with its last words. */
export const whileAlive = async (
  workers: readonly WorkerProcess[],
  what: string,
  isTrue: () => Promise<boolean>,
): Promise<void> => {
  const checked = async () => {
    const lost = workers.find((worker) => !worker.isRunning())
    if (lost !== undefined) throw new Error(`A worker has ended before ${what}: ${lost.log().slice(-2_000)}`)
    return isTrue()
  }
  await until(what, checked, WITHIN_MS)
}

const withSite = async <V extends Vendor, T>(
  { stack, build, profiles }: Bench,
  vendors: readonly V[],
  work: (site: Site<V>) => Promise<T>,
): Promise<T> => {
  const profiling = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
  const installation = await createInstallation(stack.addresses, { SYNCLINE_LOG_LEVEL: 'error' }, [...profiling, build.program])
  try {
    return await work({
      installation,
      vendors,
      servers: () => ({ ...stack.used(), API: vendors.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0) }),
      worker: (...roles) => installation.worker(...roles),
      number: async (sql, ...values) => {
        const { rows } = await installation.pool.query<{ n: string }>(sql, [...values])
        return Number(rows[0]?.n)
      },
    })
  } finally {
    await installation.remove()
    await Promise.all(vendors.map((vendor) => vendor.end()))
  }
}

export const withVendors = async <T>(
  bench: Bench,
  vendors: readonly SimulatorOptions[],
  work: (site: Site<SimulatorProcess>) => Promise<T>,
): Promise<T> => withSite(bench, await Promise.all(vendors.map(startSimulator)), work)

/** One organisation of a vendor, named ORG, that no limit holds back. */
export const withOrganisation = <T>(bench: Bench, vendor: Vendor, work: (site: Site) => Promise<T>): Promise<T> =>
  withSite(bench, [vendor], async (site) => {
    const org = ['org', 'add', ORG, '--base-url', vendor.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
    await run(site.installation, org, vendor.personalToken)
    return work(site)
  })

/** A run of ORG to its end, which must be complete: seconds from its creation. */
export const sync = async ({ installation }: Site, worker: WorkerProcess, entity: string): Promise<number> => {
  const { json } = await run(installation, ['sync', '--org', ORG, '--json', '--select', entity])
  const ended = async () => {
    const { rows } = await installation.pool.query<{ state: string; seconds: number }>(
      `select state, extract(epoch from ended_at - created_at)::float as seconds from sync.runs
       where run_id = $1 and ended_at is not null`,
      [json[0]?.['runId']],
    )
    return rows[0]
  }
  await whileAlive([worker], 'the run has ended', async () => (await ended()) !== undefined)
  const { state, seconds } = (await ended()) ?? { state: 'lost', seconds: 0 }
  if (state !== 'complete') throw new Error(`The run is ${state}`)
  return seconds
}
