// How a run reads an organisation, and from where: goes in what is known of an entity, comes out which part of it a run asks for. Pure.
// Must hold: changes are asked for from before the moment up to which everything has been received; without one, everything is.
import type { EntityDefinition } from './manifest.ts'

export const STRATEGIES = ['full', 'delta', 'reconcile'] as const
/**
 * full: everything; deletes nothing. delta: what has changed; deletes nothing but what was merged into another. reconcile: everything,
 * and rows that are gone are deleted (invariant 8).
 */
export type Strategy = (typeof STRATEGIES)[number]

/** What has changed since a moment: along the field upwards, or down from the newest where it can only be ordered by. */
export interface Changes {
  readonly field: string
  /** Inclusive, as APIs spell times: YYYY-MM-DDTHH:MM:SSZ. */
  readonly since: string
  readonly direction: 'up' | 'down'
}

export interface Beginning {
  /** Null: everything. */
  readonly changes: Changes | null
  /** Why everything is read where changes were asked for, or since when it is; null: nothing to say. */
  readonly why: string | null
}

/** What a delta of one organisation and source begins from. */
export interface DeltaBase {
  /** Up to when everything of an entity has been received; absent: it never was. */
  readonly watermarks: ReadonlyMap<string, Date>
  /** Changes may become visible later than their time says: so much before the watermark is read again. */
  readonly lookBackMs: number
  /** A moment that an operator gave in place of the watermarks. */
  readonly since: Date | null
  readonly now: Date
}

const EVERYTHING: Beginning = { changes: null, why: null }
const DAY_MS = 86_400_000

const spelled = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`

/** What a delta asks for of an entity, and of those whose records its pages bring: from before the earliest of their watermarks. */
export const deltaOf = (
  { entity, strategies, deltaField, changesKeptDays }: EntityDefinition,
  base: DeltaBase,
  carries: readonly string[] = [],
): Beginning => {
  const method = strategies.delta
  if (method !== 'keyset' && method !== 'walk-down') return EVERYTHING
  if (deltaField === undefined) return EVERYTHING
  const read = [entity, ...carries].flatMap((each) => base.watermarks.get(each)?.getTime() ?? [])
  const from = base.since?.getTime() ?? (read.length > carries.length ? Math.min(...read) - base.lookBackMs : undefined)
  if (from === undefined) return { changes: null, why: 'everything: it was never read to its end' }
  if (changesKeptDays !== undefined && from < base.now.getTime() - changesKeptDays * DAY_MS)
    return { changes: null, why: `everything: the API keeps changes for ${changesKeptDays} days` }
  return { changes: { field: deltaField, since: spelled(from), direction: method === 'keyset' ? 'up' : 'down' }, why: null }
}
