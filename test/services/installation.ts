// An installation of Syncline for one test file: a database and topic prefix of its own on the services of the test run, with the
// command line and workers as real processes of the built program.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { type FreshDatabase, freshDatabase, stackAddresses, topicPrefix } from './support.ts'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** The objects on stdout, one a line. */
  readonly json: readonly Record<string, unknown>[]
}

export interface WorkerProcess {
  readonly pid: number
  /** SIGKILL: nothing is finished, nothing released. */
  kill(): Promise<void>
  /** SIGTERM: the batch in hand is finished. Resolves to the exit code. */
  stop(): Promise<number | null>
  readonly log: () => string
}

export interface Installation {
  readonly database: FreshDatabase
  readonly prefix: string
  readonly env: Readonly<Record<string, string>>
  readonly pool: Pool
  cli(args: readonly string[], input?: string): Promise<CliResult>
  worker(...roles: readonly string[]): WorkerProcess
  /** The same with variables of its own, e.g. a service reached through a proxy. */
  workerWith(env: Readonly<Record<string, string>>, ...roles: readonly string[]): WorkerProcess
  /** Ends what is still running and removes the database. */
  remove(): Promise<void>
}

const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))

export const newInstallation = async (): Promise<Installation> => {
  if (!existsSync(MAIN)) throw new Error('The program is not built; run: npm run build')
  const stack = stackAddresses()
  const database = await freshDatabase()
  const prefix = topicPrefix()
  const env = {
    SYNCLINE_KAFKA_BROKERS: stack.kafka,
    SYNCLINE_SCHEMA_REGISTRY_URL: stack.schemaRegistry,
    SYNCLINE_REDIS_URL: stack.redis,
    SYNCLINE_DATABASE_URL: database.url,
    SYNCLINE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SYNCLINE_TOPIC_PREFIX: prefix,
  }
  const children = new Set<ChildProcess>()
  const start = (args: readonly string[], own: Readonly<Record<string, string>> = {}): ChildProcess => {
    const child = spawn(process.execPath, [MAIN, ...args], { env: { ...process.env, ...env, ...own }, stdio: 'pipe' })
    children.add(child)
    child.once('exit', () => children.delete(child))
    return child
  }
  const pool = createPool({ url: database.url, max: 4 })

  return {
    database,
    prefix,
    env,
    pool,
    cli: async (args, input = '') => {
      const child = start(args)
      const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
      child.stdin?.end(input)
      const [code] = await once(child, 'close')
      return { code, stdout: stdout(), stderr: stderr(), json: jsonLines(stdout()) }
    },
    worker: (...roles) => workerOf(start(['worker', ...roles])),
    workerWith: (own, ...roles) => workerOf(start(['worker', ...roles], own)),
    remove: async () => {
      const exits = [...children].map((child) => once(child, 'exit'))
      for (const child of children) child.kill('SIGKILL')
      await Promise.all(exits)
      await pool.end()
      await database.drop()
    },
  }
}

const workerOf = (child: ChildProcess): WorkerProcess => {
  const log = collect(child.stderr)
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exited = once(child, 'exit')
    child.kill(signal)
    const [code] = await exited
    return code
  }
  return { pid: child.pid ?? -1, kill: async () => void (await end('SIGKILL')), stop: () => end('SIGTERM'), log }
}

const collect = (stream: NodeJS.ReadableStream | null): (() => string) => {
  const chunks: string[] = []
  stream?.setEncoding('utf8')
  stream?.on('data', (chunk: string) => chunks.push(chunk))
  return () => chunks.join('')
}

/** Polls until `condition` is true; fails with what it last saw when the deadline passes. */
export const until = async (what: string, condition: () => Promise<boolean> | boolean, deadlineMs = 60_000): Promise<void> => {
  const end = performance.now() + deadlineMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Not within ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
