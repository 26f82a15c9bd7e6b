// The builds that are compared: this one, and another revision, built in a worktree of its own that is removed when this process exits.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Build } from './work.ts'

const PROGRAM = join('dist', 'cli', 'main.js')

export const thisBuild: Build = { name: 'this', program: resolve(PROGRAM) }

const execute = (cwd: string, command: string, ...args: readonly string[]): void => {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr.trim()}`)
}

/** Throws when git does not know the revision or it does not build. */
export const buildOf = (revision: string): Build => {
  const folder = mkdtempSync(join(tmpdir(), 'syncline-against-'))
  process.once('exit', () => {
    spawnSync('git', ['worktree', 'remove', '--force', folder])
    rmSync(folder, { recursive: true, force: true })
  })
  execute('.', 'git', 'worktree', 'add', '--detach', folder, revision)
  // Its own packages, at its own versions; this builds it as well.
  execute(folder, 'npm', 'ci')
  return { name: revision, program: join(folder, PROGRAM) }
}
