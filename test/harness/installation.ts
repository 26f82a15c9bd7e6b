// An installation of Syncline for tests: a database and topic prefix of its own on services that others use as well, with the
// command line and workers as real processes of the built program.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { StackAddresses } from '../../local/stack.ts'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { type FreshDatabase, freshDatabaseOn, topicPrefix } from './database.ts'

// Tests are started at the root of the project; some are compiled into dist/ themselves.
const MAIN = resolve(join('dist', 'cli', 'main.js'))

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The objects on stdout, one a line. */
  readonly json: readonly Record<string, unknown>[]
}

/** A command that has not ended. */
export interface RunningCommand {
  readonly stdout: () => string
  readonly ended: Promise<CliResult>
  signal(signal: NodeJS.Signals): void
}

export interface WorkerProcess {
  readonly pid: number
  /** SIGKILL: nothing is finished, nothing released. */
  kill(): Promise<void>
  /** SIGTERM: the batch in hand is finished. Resolves to the exit code. */
  stop(): Promise<number | null>
  signal(signal: NodeJS.Signals): void
  isRunning(): boolean
  readonly log: () => string
}

export type Environment = Readonly<Record<string, string>>

export interface Installation {
  readonly database: FreshDatabase
  readonly prefix: string
  readonly env: Environment
  readonly pool: Pool
  /** `env`: what this command has besides. */
  cli(args: readonly string[], input?: string, env?: Environment): Promise<CliResult>
  /** The same, for what goes on meanwhile. */
  begin(args: readonly string[], input?: string, env?: Environment): RunningCommand
  worker(...roles: readonly string[]): WorkerProcess
  /** A worker with more in its environment. */
  workerWith(env: Environment, ...roles: readonly string[]): WorkerProcess
  /** Ends what is still running and removes the database. */
  remove(): Promise<void>
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))

/** The objects are read when they are asked for: not all that begins like one is one. */
const resultOf = (code: number | null, stdout: string, stderr: string): CliResult => ({
  code,
  stdout,
  stderr,
  get json() {
    return jsonLines(stdout)
  },
})

/** `env`: what the processes get in place of the addresses of `stack`, such as those of proxies. `node`: what Node is started with. */
export const createInstallation = async (
  stack: StackAddresses,
  env: Environment = {},
  node: readonly string[] = [MAIN],
): Promise<Installation> => {
  if (!node.every((each) => each.startsWith('--') || existsSync(each)))
    throw new Error('The program is not built; run: npm run build')
  const database = await freshDatabaseOn(stack.postgres)
  const prefix = topicPrefix()
  const settings = {
    SYNCLINE_KAFKA_BROKERS: stack.kafka,
    SYNCLINE_SCHEMA_REGISTRY_URL: stack.schemaRegistry,
    SYNCLINE_REDIS_URL: stack.redis,
    SYNCLINE_DATABASE_URL: database.url,
    SYNCLINE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SYNCLINE_TOPIC_PREFIX: prefix,
    ...env,
  }
  const children = new Set<ChildProcess>()
  const start = (args: readonly string[], more: Environment = {}): ChildProcess => {
    const child = spawn(process.execPath, [...node, ...args], { env: { ...process.env, ...settings, ...more }, stdio: 'pipe' })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL')
  }
  // Whatever ends the test, no worker outlives it.
  process.once('exit', killAll)
  const pool = createPool({ url: database.url, max: 4 })
  const workerWith: Installation['workerWith'] = (more, ...roles) => workerOf(start(['worker', ...roles], more))

  const begin: Installation['begin'] = (args, input = '', more = {}) => {
    const child = start(args, more)
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    const closed = once(child, 'close')
    child.stdin?.end(input)
    return {
      stdout,
      signal: (signal) => void child.kill(signal),
      ended: closed.then(([code]) => resultOf(code, stdout(), stderr())),
    }
  }

  return {
    database,
    prefix,
    env: settings,
    pool,
    cli: (args, input, more) => begin(args, input, more).ended,
    begin,
    worker: (...roles) => workerWith({}, ...roles),
    workerWith,
    remove: async () => {
      const exits = [...children].map((child) => once(child, 'exit'))
      killAll()
      process.removeListener('exit', killAll)
      await Promise.all(exits)
      await pool.end()
      await database.drop()
    },
  }
}

const workerOf = (child: ChildProcess): WorkerProcess => {
  const log = collect(child.stderr)
  const isRunning = () => child.exitCode === null && child.signalCode === null
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!isRunning()) return child.exitCode
    const exited = once(child, 'exit')
    child.kill(signal)
    const [code] = await exited
    return code
  }
  return {
    pid: child.pid ?? -1,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    signal: (signal) => void child.kill(signal),
    isRunning,
    log,
  }
}

const collect = (stream: NodeJS.ReadableStream | null): (() => string) => {
  const chunks: string[] = []
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => chunks.push(chunk))
  return () => chunks.join('')
}
