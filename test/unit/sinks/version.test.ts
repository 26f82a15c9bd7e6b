import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isDoubtful, isNewer, type Version } from '../../../sinks/version.ts'
import { HINT_OBSERVED_AT, HINT_REVISION } from '../../../topics/hints.ts'
import { version } from './versions.ts'

const anyLiving: fc.Arbitrary<Version> = fc.record({
  sourceUpdatedAt: fc.option(fc.nat(3), { nil: null }),
  observedAt: fc.nat(3),
  mappingRevision: fc.nat(2),
  deleted: fc.constant(false),
  contentHash: fc.constantFrom('a', 'b'),
})
const anyVersion = fc.tuple(anyLiving, fc.boolean()).map(([living, deleted]) => ({ ...living, deleted }))

describe('of two versions', () => {
  test("the source's time decides before ours, ours before the mapping", () => {
    expect(isNewer(version({ sourceUpdatedAt: 2 }), version({ observedAt: 9, mappingRevision: 9 }))).toBe(true)
    expect(isNewer(version({ observedAt: 2 }), version({ mappingRevision: 9 }))).toBe(true)
    expect(isNewer(version({ mappingRevision: 2 }), version())).toBe(true)
  })

  test('one without a time of the source is older than one with', () => {
    expect(isNewer(version({ sourceUpdatedAt: null, observedAt: 9 }), version())).toBe(false)
  })

  test('our time alone decides when either is a tombstone, and at the same time the tombstone stands', () => {
    const tombstone = (observedAt: number) => version({ deleted: true, sourceUpdatedAt: null, observedAt })
    expect(isNewer(version({ sourceUpdatedAt: 9, observedAt: 1 }), tombstone(2))).toBe(false)
    expect(isNewer(tombstone(2), version({ sourceUpdatedAt: 9, observedAt: 1 }))).toBe(true)
    expect(isNewer(version({ sourceUpdatedAt: null, observedAt: 3 }), tombstone(2))).toBe(true)
    expect(isNewer(tombstone(1), version())).toBe(true)
    expect(isNewer(version(), tombstone(1))).toBe(false)
  })

  test('exactly one is newer, unless they are the same', () => {
    fc.assert(
      fc.property(anyVersion, anyVersion, (a, b) => {
        fc.pre(a.contentHash !== b.contentHash)
        expect(isNewer(a, b)).toBe(!isNewer(b, a))
        expect(isNewer(a, a)).toBe(false)
      }),
    )
  })

  test('living ones are in one order, so the newest of any number does not depend on theirs', () => {
    fc.assert(
      fc.property(anyLiving, anyLiving, anyLiving, (a, b, c) => {
        if (isNewer(a, b) && isNewer(b, c)) expect(isNewer(a, c)).toBe(true)
      }),
    )
  })
})

/** Ten moments make a second of the source; versions of the same state have the same content. */
const SECOND = 10
const stateAt = (moment: number, at: number): Version =>
  version({ sourceUpdatedAt: Math.floor(moment / SECOND), observedAt: at, contentHash: `state ${moment}` })

interface History {
  readonly moments: readonly number[]
  /** The record was deleted after the nth change, and restored by the next one, if there is one. */
  readonly deletedAfter: number | undefined
  /** How long after it the deletion was told. */
  readonly told: number
  readonly pagesAt: readonly number[]
}

/** Everything that is told, once, and some pages; and the content that the record ends with. */
const receptionOf = ({ moments, deletedAfter, told, pagesAt }: History): { truth: string; received: readonly Version[] } => {
  const last = moments.at(-1) ?? 0
  const deletedAt = deletedAfter === undefined ? Number.POSITIVE_INFINITY : (moments[deletedAfter] ?? last) + 0.5
  const shownAt = (at: number): number | undefined => {
    const moment = moments.filter((each) => each <= at).at(-1)
    return moment === undefined || (at > deletedAt && moment < deletedAt) ? undefined : moment
  }
  const pages = pagesAt.flatMap((at) => {
    const shown = shownAt(at)
    return shown === undefined ? [] : [stateAt(shown, at + 1)]
  })
  const hints = moments.map((moment) => stateAt(moment, HINT_OBSERVED_AT))
  const deletion = { deleted: true, sourceUpdatedAt: null, mappingRevision: HINT_REVISION, contentHash: 'deleted' }
  const deletions = deletedAfter === undefined ? [] : [version({ ...deletion, observedAt: Math.ceil(deletedAt) + 1 + told })]
  return { truth: shownAt(1_000) === undefined ? 'deleted' : `state ${last}`, received: [...hints, ...deletions, ...pages] }
}

const anyHistory: fc.Arbitrary<History> = fc
  .uniqueArray(fc.nat(40), { minLength: 1, maxLength: 6 })
  .map((all) => [...all].sort((a, b) => a - b))
  .chain((moments) =>
    fc.record({
      moments: fc.constant(moments),
      deletedAfter: fc.option(fc.nat(moments.length - 1), { nil: undefined }),
      told: fc.nat(100),
      pagesAt: fc.array(fc.nat(80), { maxLength: 5 }),
    }),
  )

/** In any order. */
const anyReception = anyHistory.map(receptionOf).chain(({ truth, received }) =>
  fc.record({
    truth: fc.constant(truth),
    received: fc.shuffledSubarray([...received], { minLength: received.length, maxLength: received.length }),
  }),
)

describe('hints', () => {
  test('that come in any order between pages leave the right record, or a doubt that the API resolves', () => {
    fc.assert(
      fc.property(anyReception, ({ truth, received }) => {
        const [first, ...rest] = received
        let stands = first ?? version()
        let isDoubted = false
        for (const next of rest) {
          isDoubted ||= isDoubtful(next, stands)
          if (isNewer(next, stands)) stands = next
        }
        expect(isDoubted || stands.contentHash === truth).toBe(true)
      }),
      { numRuns: 20_000 },
    )
  })

  test('raise no doubt where updated_at tells, where they say the same, and between two deletions that were told', () => {
    const hint = version({ observedAt: HINT_OBSERVED_AT, contentHash: 'b' })
    expect(isDoubtful(hint, version())).toBe(true)
    expect(isDoubtful({ ...hint, sourceUpdatedAt: 2 }, version())).toBe(false)
    expect(isDoubtful({ ...hint, contentHash: 'a' }, version())).toBe(false)
    const deleted = version({ deleted: true, mappingRevision: HINT_REVISION, contentHash: 'c' })
    expect(isDoubtful(deleted, { ...deleted, contentHash: 'd' })).toBe(false)
    expect(isDoubtful({ ...hint, sourceUpdatedAt: 7 }, deleted)).toBe(true)
    expect(isDoubtful(version(), version({ contentHash: 'b', observedAt: 2 }))).toBe(false)
  })

  test('of a deletion that was seen before raise a doubt, because it may say more; of one that is seen after none', () => {
    const seen = version({ deleted: true, observedAt: 2, contentHash: 'merged into 7' })
    const told = (observedAt: number) => version({ deleted: true, mappingRevision: HINT_REVISION, observedAt, contentHash: 'b' })
    for (const observedAt of [2, 3]) {
      expect([isDoubtful(told(observedAt), seen), isDoubtful(seen, told(observedAt))]).toEqual([true, true])
    }
    expect([isDoubtful(told(1), seen), isDoubtful(seen, told(1))]).toEqual([false, false])
    expect(isDoubtful(seen, { ...seen, observedAt: 3, contentHash: 'merged into 8' })).toBe(false)
  })
})
