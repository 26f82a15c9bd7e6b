// What somebody waits for who starts the program, and what a worker costs that has nothing to do.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ADDRESS_VARIABLES } from '../local/addresses.ts'
import { pause } from '../platform/lifecycle.ts'
import { cpuSeconds, peakResidentMb } from './process-figures.ts'
import { startSimulator } from './simulator-process.ts'
import { ORG, run, sync, withOrganisation } from './site.ts'
import { type Bench, type Build, type Row, rounded, sized, type Work } from './work.ts'

const TIMES = 11
const IDLE_SECONDS = 60

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Milliseconds until the command has ended well. */
const timed = async ({ program }: Build, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<number> => {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [program, ...args], { env, stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`syncline ${args.join(' ')} ended with ${code}`)
  return performance.now() - startedAt
}

const help = async ({ build, size }: Bench): Promise<Row> => {
  const times: number[] = []
  for (let n = 0; n < Math.max(3, TIMES * size); n++) times.push(await timed(build, ['--help']))
  return { pass: '--help, median', figures: { ms: Math.round(median(times)) } }
}

/** Once before, so that what is downloaded and made once is there. */
const up = async ({ build }: Bench): Promise<Row> => {
  const home = mkdtempSync(join(tmpdir(), 'syncline-up-'))
  // Not the addresses of the stack that the other works run on.
  const others = Object.values(ADDRESS_VARIABLES).flat() as readonly string[]
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !others.includes(name)))
  const inHome = { ...env, SYNCLINE_HOME: home }
  try {
    await timed(build, ['up', '--detach'], inHome)
    await timed(build, ['down'], inHome)
    const ms = await timed(build, ['up', '--detach'], inHome)
    return { pass: 'up, all made before', figures: { ms: Math.round(ms) } }
  } finally {
    await timed(build, ['down'], inHome)
    rmSync(home, { recursive: true, force: true })
  }
}

const small = async (bench: Bench): Promise<readonly Row[]> =>
  withOrganisation(bench, await startSimulator({ people: 100 }), async (site) => {
    const worker = site.worker('all')
    await sync(site, worker, 'campus')
    const times: number[] = []
    for (let n = 0; n < Math.max(3, TIMES * bench.size); n++) {
      const startedAt = performance.now()
      await run(site.installation, ['sync', '--org', ORG, '--select', 'campus', '--wait', '--json'])
      times.push(performance.now() - startedAt)
    }
    const rows = await site.number('select count(*) as n from canonical.campus')
    if (rows === 0) throw new Error('The runs have left no rows')
    const [before, servers, startedAt] = [cpuSeconds(worker.pid), site.servers(), performance.now()]
    await pause(sized(IDLE_SECONDS, bench) * 1_000)
    const percent = (seconds: number) => rounded((100_000 * seconds) / (performance.now() - startedAt), 2)
    const shares = Object.entries(site.servers()).map(([name, cpu]) => [`${name} %`, percent(cpu - (servers[name] ?? 0))])
    const ours = percent(cpuSeconds(worker.pid) - before)
    const figures = { 'our % of a core': ours, ...Object.fromEntries(shares), 'peak MB': Math.round(peakResidentMb(worker.pid)) }
    await worker.stop()
    return [
      { pass: 'a run of campuses from the command to its end, median', figures: { ms: Math.round(median(times)) } },
      { pass: 'idle, all roles in one process', figures },
    ]
  })

export const startAndIdle: Work = {
  name: 'start',
  title: 'Start and idle',
  run: async (bench) => [await help(bench), await up(bench), ...(await small(bench))],
}
