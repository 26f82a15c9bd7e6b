// What `--version` says: the package's version, the revision that was built (build.mjs writes it beside the program), and Node's.
import { readFileSync } from 'node:fs'

/** The JSON file at the first of these paths that can be read; dist/cli/ and cli/ both stand below the package's root. */
const firstOf = (...paths: readonly string[]): Readonly<Record<string, unknown>> => {
  for (const path of paths) {
    try {
      return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
    } catch {}
  }
  return {}
}

export const versionText = (): string => {
  const { version = 'unknown' } = firstOf('../package.json', '../../package.json')
  const { revision = 'not built from a repository' } = firstOf('../build.json', '../dist/build.json')
  return `${version} (revision ${revision}, Node ${process.versions.node})`
}
