// `syncline worker`: runs roles until it is told to stop.
import { Argument, Command } from 'commander'
import type { Settings } from '../platform/config.ts'
import { type HealthServer, startHealthServer } from '../platform/health-server.ts'
import { createMetrics } from '../platform/prometheus.ts'
import { workerActor } from './actor.ts'
import { createObservers, type Observers } from './observers.ts'
import { parseRoles, ROLE_CHOICES, type RoleName } from './role-names.ts'
import { runWorker } from './roles.ts'
import { openRuntime, type Runtime } from './runtime.ts'
import { EXIT, leaveSoon, onInterrupt } from './terminal.ts'
import { collectBacklog, collectHealth } from './worker-metrics.ts'

const EXAMPLES = `
Roles: orchestrate (plans and wakes), fetch (API to raw topics), process (raw to canonical), sink (canonical to tables);
webhooks (deliveries of an API to raw topics, on SYNCLINE_WEBHOOKS_PORT), which is not among "all", because it listens to strangers.

Examples:
  $ syncline worker all                # everything in one process
  $ syncline worker fetch process      # two roles; start more processes to scale them
  $ syncline worker all webhooks       # the same, and deliveries (docs/operations.md)
  $ syncline worker sink --port 9464   # with http://127.0.0.1:9464/live, /ready and /metrics (docs/operations.md)

SIGTERM or Ctrl-C finishes the batch in hand and commits it, within 10 s; a second signal ends the process at once.`

interface WorkerOptions {
  readonly port?: string
  readonly host?: string
}

export const workerCommand = (): Command =>
  new Command('worker')
    .addArgument(new Argument('<roles...>', 'what this process does').choices(ROLE_CHOICES))
    .option('--port <number>', 'serve health and metrics on this port')
    .option('--host <address>', 'the address that it listens on (default: 127.0.0.1)')
    .addHelpText('after', EXAMPLES)
    .action((names: readonly string[], options: WorkerOptions) => worker(names, options).finally(leaveSoon))

/** What is not done by then is left behind: nothing is lost by it, it is delivered again. */
const STOP_WITHIN_MS = 9_500

/** Resolves when all roles have stopped; a second signal ends the process at once. */
export const worker = async (names: readonly string[], options: WorkerOptions = {}): Promise<void> => {
  const roles = parseRoles(names)
  const runtime = await openRuntime({ actor: workerActor(), flags: flagsOf(options) })
  const { log } = runtime
  const signal = onInterrupt()
  let limit: NodeJS.Timeout | undefined
  const onAbort = () => {
    limit = exitInTime(runtime)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  let server: HealthServer | undefined
  try {
    const observed = await observe(runtime, roles)
    server = observed.server
    log.info({ roles, ...(server && { port: server.port }) }, 'worker starts')
    await runWorker(runtime, roles, signal, observed.observers)
    log.info({ roles }, 'worker stopped')
  } finally {
    await server?.close()
    await runtime.close()
    clearTimeout(limit)
  }
}

const flagsOf = ({ port, host }: WorkerOptions): Settings => ({
  ...(port === undefined ? {} : { metricsPort: port }),
  ...(host === undefined ? {} : { metricsHost: host }),
})

const exitInTime = ({ log }: Runtime): NodeJS.Timeout => {
  const leave = () => {
    log.warn({}, 'did not stop in time, left behind; what is not committed is delivered again')
    process.exit(EXIT.ok)
  }
  return setTimeout(leave, STOP_WITHIN_MS)
}

/** Without a port nothing is counted. */
const observe = async (
  { config, log, pool }: Runtime,
  roles: readonly RoleName[],
): Promise<{ observers: Observers; server?: HealthServer }> => {
  const { metricsPort = '0', metricsHost = '127.0.0.1' } = config
  if (Number(metricsPort) === 0) return { observers: createObservers(roles) }
  const metrics = createMetrics()
  const observers = createObservers(roles, metrics.telemetryOf)
  for (const health of observers.healths) collectHealth(metrics, health)
  // Figures of the whole installation: shown by one role, so that each process that has it shows the same.
  if (roles.includes('orchestrate')) collectBacklog(metrics, 'orchestrate', pool, log)
  const server = await startHealthServer({
    host: metricsHost,
    port: Number(metricsPort),
    roles: () => observers.healths.map((health) => health.report()),
    metrics: metrics.text,
  })
  return { observers, server }
}
