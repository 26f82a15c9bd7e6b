// The adapters there are. Knows nothing of Kafka, PostgreSQL or Redis: usable alone, by way of core/client.ts.
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import type { Adapter } from './core/adapter.ts'
import { pco } from './pco/pco.ts'

export const adapters: readonly Adapter[] = [pco]

/** Throws SynclineError('usage') naming the nearest valid names. */
export const adapterByName = (name: string): Adapter => {
  const found = adapters.find((adapter) => adapter.name === name)
  if (found !== undefined) return found
  const names = adapters.map((adapter) => adapter.name)
  throw new SynclineError('usage', `There is no adapter '${name}'`, { remedy: suggest(name, names) })
}
