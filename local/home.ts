// The folder of one stack (`.syncline/`): where its parts lie, and the two secrets made once and kept in it.
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { hasCode } from './processes.ts'

/** `SYNCLINE_HOME`, or `.syncline` in the working directory. */
export const stackHome = (environment: Readonly<Record<string, string | undefined>> = process.env): string =>
  resolve(environment['SYNCLINE_HOME'] || '.syncline')

export interface HomePaths {
  readonly state: string
  /** The ports of the services, while they are containers. */
  readonly containers: string
  readonly encryptionKey: string
  readonly postgresPassword: string
  logFile(service: string): string
  dataDir(service: string): string
}

export const pathsIn = (home: string): HomePaths => ({
  state: join(home, 'stack.json'),
  containers: join(home, 'containers.json'),
  encryptionKey: join(home, 'encryption.key'),
  postgresPassword: join(home, 'postgres.password'),
  logFile: (service) => join(home, 'log', `${service}.log`),
  dataDir: (service) => join(home, service),
})

/** Makes the folder. Others may pass through it (PostgreSQL runs as another user when we are root) but not look into it. */
export const ensureHome = (home: string): void => {
  mkdirSync(home, { recursive: true, mode: 0o711 })
  mkdirSync(join(home, 'log'), { recursive: true, mode: 0o700 })
  // Data and keys in a working copy must never be committed by accident.
  writeFileSync(join(home, '.gitignore'), '*\n')
}

/** 32 random bytes in base64, made at the first call for this home: the key that tokens at rest are encrypted with. */
export const ensureEncryptionKey = (home: string): string => ensureSecret(home, pathsIn(home).encryptionKey, 'base64')

export const ensurePostgresPassword = (home: string): string => ensureSecret(home, pathsIn(home).postgresPassword, 'hex')

/** Written whole or not at all, and by one process only: who comes second reads what the first has written. */
const ensureSecret = (home: string, path: string, encoding: 'base64' | 'hex'): string => {
  ensureHome(home)
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, `${randomBytes(32).toString(encoding)}\n`, { mode: 0o600, flush: true })
  try {
    linkSync(draft, path)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft, { force: true })
  }
  return readFileSync(path, 'utf8').trim()
}
