// Settings of a connection to Planning Center: the API version of each product, pinned, because newer ones add and drop fields.
import { SynclineError } from '../../platform/errors.ts'
import { suggest } from '../../platform/suggest.ts'

const DEFAULTS = { peopleVersion: '2025-03-20', groupsVersion: '2023-07-10' } as const

/** Product, the first part of a path, to its version. */
export type Versions = ReadonlyMap<string, string>

/** Throws SynclineError('config') for an unknown setting, or a version that is not a date. */
export const parseSettings = (settings: Readonly<Record<string, string>> = {}): Versions => {
  const names = Object.keys(DEFAULTS)
  for (const [name, value] of Object.entries(settings)) {
    if (!names.includes(name)) {
      throw new SynclineError('config', `Planning Center has no setting '${name}'`, { remedy: suggest(name, names) })
    }
    if (!/^\d{4}-\d{2}-\d{2}$/.test(value)) {
      throw new SynclineError('config', `The setting ${name} is not a version of the API`, { remedy: 'Give it as YYYY-MM-DD.' })
    }
  }
  const { peopleVersion, groupsVersion } = { ...DEFAULTS, ...settings }
  return new Map([
    ['people', peopleVersion],
    ['groups', groupsVersion],
  ])
}
