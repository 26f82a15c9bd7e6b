// `syncline demo`: the main job on this machine: services, a simulated church under a rate limit, a full sync, and the proof.
import { Command } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { saveConnection } from '../ledger/organisations.ts'
import { bringUp } from '../local/bring-up.ts'
import { SynclineError } from '../platform/errors.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { type Difference, isEqual } from './compare.ts'
import { openRuntime, type Runtime } from './runtime.ts'
import { compareWithModel } from './simulated-model.ts'
import { sync } from './sync.ts'
import { EXIT, onInterrupt, print, say, table } from './terminal.ts'

/** A church of another size is another organisation: rows of a larger one before would be too many. */
const orgOf = (people: number): string => `demo-${people}`
const DEFAULT_PEOPLE = '5000'
/** Planning Center's 100 requests in 20 s, ten times faster. */
const RATE = { limit: 100, periodSeconds: 2 }
const LATENCY_MS = 10

const EXAMPLES = `
Examples:
  $ syncline demo
  $ syncline demo --people 20000

On a terminal the services stay up until Ctrl-C, to be looked at; otherwise the demo ends by itself and leaves nothing running.`

export const demoCommand = (): Command =>
  new Command('demo')
    .option('--people <n>', 'people in the simulated church', DEFAULT_PEOPLE)
    .addHelpText('after', EXAMPLES)
    .action((options: { people: string }) => demo(options))

export const demo = async ({ people }: { people: string }): Promise<void> => {
  if (!/^[1-9]\d{0,6}$/.test(people)) {
    throw new SynclineError('usage', `'${people}' is not a number of people.`, {
      remedy: 'For example: syncline demo --people 5000',
    })
  }
  say('Bringing up Kafka, a schema registry, PostgreSQL and Redis on this machine.')
  const stack = await bringUp({ detach: false, onProgress: say })
  try {
    const simulator = await startSimulator({ people: Number(people), rate: RATE, latencyMs: LATENCY_MS })
    try {
      await showMainJob(simulator, orgOf(Number(people)))
      if (stack.origin === 'started' && process.stdin.isTTY) await untilInterrupt()
    } finally {
      await simulator.close()
    }
  } finally {
    await stack.stop()
  }
}

const showMainJob = async (simulator: Simulator, orgId: string): Promise<void> => {
  const runtime = await openRuntime({ quiet: true })
  try {
    await runtime.migrate()
    const adapter = adapterByName('pco')
    const connection = {
      orgId,
      source: adapter.name,
      adapter: adapter.name,
      baseUrl: simulator.url,
      settings: {},
      rateLimit: null,
    }
    await saveConnection(runtime.pool, runtime.encryptionKey(), { ...connection, credential: simulator.personalToken })
    say(`A simulated church answers at ${simulator.url}, ${RATE.limit} requests in ${RATE.periodSeconds} s at most. Syncing it:`)
    const startedAt = performance.now()
    await sync(runtime, { org: orgId, strategy: 'full', withWorkers: true })
    if (process.exitCode === EXIT.interrupted) return
    await showProof(runtime, { simulator, orgId }, (performance.now() - startedAt) / 1000)
  } finally {
    await runtime.close()
  }
}

const showProof = async (
  runtime: Runtime,
  { simulator, orgId }: { readonly simulator: Simulator; readonly orgId: string },
  seconds: number,
): Promise<void> => {
  const { manifest, name: source } = adapterByName('pco')
  const differences = await compareWithModel(runtime.pool, manifest, { orgId, source }, simulator.model)
  const verdict = (d: Difference) => (isEqual(d) ? 'equal, row by row' : `DIFFERENT: ${describe(d)}`)
  print(
    table(
      ['TABLE', 'ROWS', 'IN THE API', 'VERDICT'],
      differences.map((d) => [`canonical.${d.entity.replaceAll('-', '_')}`, d.found, d.expected, verdict(d)]),
    ),
  )
  const rows = differences.reduce((sum, d) => sum + d.found, 0)
  const { calls, maxInWindow, violations } = simulator.stats()
  say(
    `${rows.toLocaleString('en-US')} rows in ${seconds.toFixed(1)} s with ${calls} requests; at most ${maxInWindow} of ${RATE.limit} in any ${RATE.periodSeconds} s, ${violations} above the limit.`,
  )
  if (!differences.every(isEqual) || violations > 0) process.exitCode = EXIT.failed
  else showNextSteps()
}

const describe = ({ missing, extra, different }: Difference): string =>
  [
    ...(missing.length > 0 ? [`missing ${missing.join(', ')}`] : []),
    ...(extra.length > 0 ? [`too many ${extra.join(', ')}`] : []),
    ...(different.length > 0 ? [`other content ${different.join(', ')}`] : []),
  ].join('; ')

const showNextSteps = (): void => {
  say('')
  say('Three things to try next:')
  say('  1. npx syncline up --detach && npx syncline runs      what this run left in the ledger')
  say('  2. npx syncline verify --run <id from the list>       every page and record accounted for')
  say(
    '  3. npx syncline org add my-church --pat-stdin         your own Planning Center account; then: npx syncline sync --org my-church --with-workers',
  )
}

const untilInterrupt = async (): Promise<void> => {
  say('')
  say('The services stay up until Ctrl-C; try the commands above in another terminal.')
  const signal = onInterrupt()
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
