// PostgreSQL refuses to run as root. As root, which is common in containers, it runs as the system's `postgres`, or else `nobody`.
import { execFileSync, spawnSync } from 'node:child_process'
import { chownSync } from 'node:fs'
import { SynclineError } from '../../platform/errors.ts'

export interface RunAs {
  /** Who owns its files; undefined: we are not root, so it runs as we do. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
  /** The user to spawn as; undefined where the command of `wrap` changes it. */
  readonly spawnAs: RunAs['user']
  /** The command line to run for this one. */
  wrap(command: readonly [string, ...string[]]): readonly [string, ...string[]]
}

/**
 * How to run a program that keeps its files in `dataDir`, which is given to the user it will run as.
 * Errors: `unavailable` if there is no way to reach either without being root.
 */
export const asUnprivileged = (program: string, dataDir: string): RunAs => {
  if (process.getuid?.() !== 0) return { user: undefined, spawnAs: undefined, wrap: (command) => command }
  const user = systemUser()
  chownSync(dataDir, user.uid, user.gid)
  if (reaches(user, program) && reaches(user, dataDir)) return { user, spawnAs: user, wrap: (command) => command }
  return { user, spawnAs: undefined, wrap: passingThrough(user, [program, dataDir]) }
}

type User = NonNullable<RunAs['user']>

const systemUser = (): User => {
  for (const name of ['postgres', 'nobody']) {
    const found = spawnSync('id', ['-u', name], { encoding: 'utf8' })
    if (found.status !== 0) continue
    const gid = execFileSync('id', ['-g', name], { encoding: 'utf8' })
    return { uid: Number.parseInt(found.stdout, 10), gid: Number.parseInt(gid, 10) }
  }
  throw new SynclineError('unavailable', 'PostgreSQL cannot run as root, and there is neither a user `postgres` nor `nobody`', {
    remedy: 'Run as an ordinary user, or set SYNCLINE_DATABASE_URL to a PostgreSQL of yours',
  })
}

/** A folder of mode 0700 on the way (a home of root, a `mktemp -d`) bars any other user. */
const reaches = (user: User, path: string): boolean => spawnSync('test', ['-x', path], user).status === 0

// setpriv (util-linux) drops to the user but keeps the one capability that lets it pass such folders.
const passingThrough =
  (user: User, paths: readonly string[]): RunAs['wrap'] =>
  (command) => {
    const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
    const capability = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']
    if (spawnSync('setpriv', [...identity, ...capability, 'true']).status === 0) {
      return ['setpriv', ...identity, ...capability, ...command]
    }
    throw new SynclineError(
      'unavailable',
      `PostgreSQL cannot run as root, and another user cannot reach ${paths.join(' and ')}`,
      {
        remedy: 'Run as an ordinary user, or move the project and SYNCLINE_HOME to where all users may pass',
      },
    )
  }
