// F14: the disk of PostgreSQL is full; when there is room again, all goes on by itself.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause } from '../../../platform/lifecycle.ts'
import { until } from '../../harness/until.ts'
import type { FaultCase } from '../case.ts'
import type { Scene } from '../scene.ts'

const DISK_MB = 96
const FULL_FOR_MS = 5_000
const FELT_WITHIN_MS = 60_000

/** A file system of its own for whoever runs the process; gone when this process is. */
const mountDisk = (pid: number): string => {
  const dir = mkdtempSync(join(tmpdir(), 'syncline-disk-'))
  const { uid, gid } = statSync(`/proc/${pid}`)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m,uid=${uid},gid=${gid},mode=700`, 'tmpfs', dir])
  process.once('exit', () => {
    execFileSync('umount', ['--lazy', dir])
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

const cannotMount = (): string | undefined => {
  if (process.platform !== 'linux') return 'a small disk is made with a tmpfs of Linux'
  if (process.getuid?.() !== 0) return 'mounting a small disk is for root'
  const dir = mkdtempSync(join(tmpdir(), 'syncline-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir], { stdio: 'pipe' })
    execFileSync('umount', [dir])
    return undefined
  } catch (error) {
    return `a small disk cannot be mounted: ${error instanceof Error ? error.message : error}`
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** All tables and indexes of ours, those that come later too; its log stays where it is, without which it would not live at all. */
const moveTables = async ({ lab: { pool } }: Scene, dir: string): Promise<void> => {
  await pool.query(`create tablespace small location '${dir}'`)
  await pool.query('alter table all in tablespace pg_default set tablespace small')
  await pool.query('alter index all in tablespace pg_default set tablespace small')
  const { rows } = await pool.query<{ name: string }>('select quote_ident(current_database()) as name')
  await pool.query(`alter database ${rows[0]?.name} set default_tablespace = small`)
}

/** Takes all that is left; returns what gives it back. */
const fill = (dir: string): (() => void) => {
  const ballast = join(dir, 'ballast')
  const file = openSync(ballast, 'w')
  try {
    for (const size of [1024 * 1024, 4096]) while (writes(file, size));
  } finally {
    closeSync(file)
  }
  return () => rmSync(ballast)
}

const writes = (file: number, size: number): boolean => {
  try {
    return writeSync(file, Buffer.alloc(size)) === size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return false
    throw error
  }
}

const disks = new WeakMap<Scene, string>()

export const diskFull: FaultCase = {
  id: 'F14/disk-full',
  ci: { records: 6_000, faults: 1 },
  long: { records: 50_000, faults: 5 },
  links: { own: ['postgres'] },
  impossible: cannotMount,
  prepare: async (scene) => {
    const dir = mountDisk(scene.lab.own.postgres?.pid() ?? 0)
    await moveTables(scene, dir)
    disks.set(scene, dir)
    return undefined
  },
  strike: async (scene) => {
    const felt = () => scene.lab.crew.logs().reduce((n, { text }) => n + text.split('No space left on device').length - 1, 0)
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.7 * (n + scene.random())) / scene.size.faults)
      const before = felt()
      const empty = fill(disks.get(scene) ?? '')
      await until('PostgreSQL says that its disk is full', () => felt() > before, FELT_WITHIN_MS)
      scene.struck('disk full')
      await pause(FULL_FOR_MS)
      empty()
      scene.healed()
    }
  },
}
