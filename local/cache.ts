// The per-user cache of what is downloaded once: a folder per thing and version, which is whole or not there. It is filled in a
// folder aside and renamed; a list of its files with their sizes tells later whether it is still whole.
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { SynclineError } from '../platform/errors.ts'
import { hasCode, processStart } from './processes.ts'

export interface Cached {
  /** Folder name in the cache; it names the version, since a folder once whole is never filled again. */
  readonly key: string
  /** Downloads into an empty folder; rejects if it cannot. Every path in `expect` must exist afterwards. */
  fill(dir: string): Promise<void>
  readonly expect: readonly string[]
}

/** `SYNCLINE_CACHE`, or `syncline` in the user's cache folder. */
export const cacheRoot = (environment: Readonly<Record<string, string | undefined>> = process.env): string =>
  resolve(environment['SYNCLINE_CACHE'] || join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'syncline'))

const LIST = 'files.json'
const ListSchema = z.record(z.string(), z.int().nonnegative())

/** The folder of a cached thing; filled first if it is missing or not whole. Safe when several processes do it at once. */
export const ensureCached = async (root: string, cached: Cached): Promise<string> => {
  const dir = join(root, cached.key)
  if (isWhole(dir)) return dir
  mkdirSync(root, { recursive: true })
  removeAbandoned(root)
  const draft = aside(dir, 'filling')
  mkdirSync(draft)
  try {
    await cached.fill(draft)
    sealDraft(draft, cached)
    publish(draft, dir)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  return dir
}

/** Whether every file of the list is there in its full size. */
const isWhole = (dir: string): boolean => {
  try {
    const sizes = ListSchema.parse(JSON.parse(readFileSync(join(dir, LIST), 'utf8')))
    return Object.entries(sizes).every(([path, size]) => statSync(join(dir, path)).size === size)
  } catch {
    return false
  }
}

const sealDraft = (draft: string, cached: Cached): void => {
  const sizes = Object.fromEntries(filesIn(draft).map((path) => [path, statSync(join(draft, path)).size]))
  const missing = cached.expect.filter((path) => !sizes[path])
  if (missing.length > 0) {
    throw new SynclineError('unavailable', `The download of ${cached.key} lacks ${missing.join(', ')}`, { remedy: 'Try again' })
  }
  writeFileSync(join(draft, LIST), JSON.stringify(sizes), { flush: true })
}

const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(dir, path)).isFile())

/** Puts the draft in place. Another process may have been faster: then its folder is as good as ours. */
const publish = (draft: string, dir: string): void => {
  try {
    renameSync(draft, dir)
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
    if (isWhole(dir)) return
    const broken = aside(dir, 'broken')
    renameSync(dir, broken)
    renameSync(draft, dir)
    rmSync(broken, { recursive: true, force: true })
  }
}

/** Drafts of processes that were killed while filling them. */
const removeAbandoned = (root: string): void => {
  for (const name of readdirSync(root)) {
    const pid = /\.(?:filling|broken)-(\d+)-[0-9a-f]+$/.exec(name)?.[1]
    if (pid !== undefined && processStart(Number(pid)) === undefined) rmSync(join(root, name), { recursive: true, force: true })
  }
}

const aside = (dir: string, why: string): string => `${dir}.${why}-${process.pid}-${randomBytes(4).toString('hex')}`
