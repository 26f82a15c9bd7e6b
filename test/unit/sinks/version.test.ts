import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isNewer, type Version } from '../../../sinks/version.ts'

const version = (parts: Partial<Version> = {}): Version => ({
  sourceUpdatedAt: 1,
  observedAt: 1,
  mappingRevision: 1,
  deleted: false,
  contentHash: 'a',
  ...parts,
})

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
