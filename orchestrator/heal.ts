// Which open pages have vanished on Kafka, and what mends each: pure. What must hold: a page is lost only when nothing that is still
// on its way can land it, and no page is healed more than three times (invariant 3).
import type { OpenPage } from '../ledger/healing.ts'
import { type Offsets, partitionKey } from '../platform/kafka/offsets.ts'

/**
 * What is watched, in this order, each step read after the one before it was true:
 * 1. `processed`: the processors have passed it on the raw topics; what they made of it is on the canonical topics;
 * 2. `ends` of the canonical topics, which the sinks pass; what they refused is on the dead letters by then;
 * 3. `ends` of the dead letters, which the sinks pass.
 * A page that was received before all this, that was processed before all this, and that is open after it, is lost.
 */
export interface Watch {
  readonly of: 'canonical' | 'dead-letters'
  /** When it began, by PostgreSQL's clock. */
  readonly startedAt: number
  readonly processed: Offsets
  readonly ends: Offsets
}

/** True when a group at these positions will be delivered nothing below the ends. A partition that was empty is passed. */
export const hasPassed = (ends: Offsets, positions: Offsets): boolean =>
  [...ends].every(([key, end]) => end <= 0n || (positions.get(key) ?? 0n) >= end)

/** To be called with the pages that are open after the watch has passed; `rawOf` names an adapter's raw topic. */
export const lostPages = (
  { startedAt, processed }: Pick<Watch, 'startedAt' | 'processed'>,
  pages: readonly OpenPage[],
  rawOf: (adapter: string) => string,
): readonly OpenPage[] =>
  pages.filter(({ adapter, rawPartition, rawOffset, receivedAt }) => {
    if (receivedAt >= startedAt) return false
    return rawOffset < 0n || rawOffset < (processed.get(partitionKey(rawOf(adapter), rawPartition)) ?? 0n)
  })

export const MAX_HEALS = 3

export type Healing =
  /** Its bytes are still there: once more, under the same headers. */
  | { readonly kind: 'produce'; readonly page: OpenPage }
  /** The bytes of the first one are gone: the range goes back to it, and with it all that follow. */
  | { readonly kind: 'rewind'; readonly pages: readonly [OpenPage, ...OpenPage[]] }
  | { readonly kind: 'fail'; readonly page: OpenPage; readonly entity: OpenPage['open'][number] }

/** What to do about lost pages, all that is to be done of a range together, failures first. */
export const planHealing = (lost: readonly OpenPage[], isThere: (page: OpenPage) => boolean): readonly Healing[] => {
  const exhausted = lost.filter(({ heals }) => heals >= MAX_HEALS)
  const failing = new Map(
    exhausted.flatMap((page) => page.open.map((entity) => [`${page.runId}/${entity.entity}`, { page, entity }] as const)),
  )
  const fails = [...failing.values()].map(({ page, entity }): Healing => ({ kind: 'fail', page, entity }))
  const ranges = new Map<string, OpenPage[]>()
  for (const page of lost) {
    const key = `${page.runId}/${page.rangeId}`
    ranges.set(key, [...(ranges.get(key) ?? []), page])
  }
  const mended = [...ranges.values()].filter((pages) => pages.every(({ heals }) => heals < MAX_HEALS))
  return [...fails, ...mended.flatMap((pages) => planRange(pages, isThere))]
}

const planRange = (pages: readonly OpenPage[], isThere: (page: OpenPage) => boolean): readonly Healing[] => {
  const inOrder = pages.toSorted((a, b) => a.page - b.page)
  const gone = inOrder.findIndex((page) => !isThere(page))
  const before = (gone === -1 ? inOrder : inOrder.slice(0, gone)).map((page): Healing => ({ kind: 'produce', page }))
  const [first, ...others] = gone === -1 ? [] : inOrder.slice(gone)
  return first === undefined ? before : [...before, { kind: 'rewind', pages: [first, ...others] }]
}

/** `unreadable`: dead letters of whole messages of its entity that are younger than the page. */
export const exhaustedReason = ({ orgId, entity, rangeId, page }: OpenPage, unreadable: number): string => {
  const which = `Page ${page} of range ${rangeId} of ${entity}`
  if (unreadable > 0)
    return (
      `${which} left no record, each of the ${1 + MAX_HEALS} times that it was on Kafka; since it was received, ${unreadable} dead letters say ` +
      `that a page of ${entity} could not be worked on. See: syncline dlq list --org ${orgId} --entity ${entity} --code unreadable`
    )
  return (
    `${which} vanished on Kafka again after it was healed ${MAX_HEALS} times. ` +
    'Check the retention of the topics and whether processors and sinks keep up with it; then start a new run: syncline sync'
  )
}
