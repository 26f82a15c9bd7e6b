// Outcomes of a batch's records, page by page, as the bit strings of the ledger's landings. A record keeps its first outcome.
import { type Landing, OUTCOMES, type Outcome } from '../ledger/landings.ts'
import type { PageRef, Placed } from './batch.ts'

export interface OutcomeBook {
  mark(of: Placed, outcome: Outcome): void
  landings(): readonly Landing[]
}

const CODES: Readonly<Record<Outcome, number>> = { merged: 1, unchanged: 2, stale: 3, parked: 4, dead: 5 }

const bits = (codes: Uint8Array, code: number): string => {
  let text = ''
  for (const each of codes) text += each === code ? '1' : '0'
  return text
}

const landingOf = (page: PageRef, codes: Uint8Array): Landing => {
  const none = '0'.repeat(page.count)
  const present = new Set(codes)
  const strings = OUTCOMES.map((outcome) => [outcome, present.has(CODES[outcome]) ? bits(codes, CODES[outcome]) : none])
  return {
    runId: page.runId,
    rangeId: page.rangeId,
    page: page.page,
    attempt: page.attempt,
    entity: page.entity,
    count: page.count,
    // fromEntries widens the keys, which are those of OUTCOMES.
    ...(Object.fromEntries(strings) as Record<Outcome, string>),
  }
}

export const createOutcomeBook = (): OutcomeBook => {
  const pages = new Map<PageRef, Uint8Array>()
  const codesOf = (page: PageRef): Uint8Array => {
    const known = pages.get(page)
    if (known !== undefined) return known
    const codes = new Uint8Array(page.count)
    pages.set(page, codes)
    return codes
  }
  return {
    mark: ({ page, index }, outcome) => {
      if (page === undefined) return
      const codes = codesOf(page)
      if (codes[index] === 0) codes[index] = CODES[outcome]
    },
    landings: () => [...pages].map(([page, codes]) => landingOf(page, codes)),
  }
}
