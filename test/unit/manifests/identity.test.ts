import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CANONICAL_NAMESPACE, canonicalId, createIdentity } from '../../../manifests/identity.ts'

// Made with another implementation: Python's uuid.uuid5(namespace, json of the array without spaces).
test.each([
  [['acme', 'pco', 'person', '45029164'], 'c3bd1889-145e-5e95-aa00-71b0f2464872'],
  [['acme', 'pco', 'campus', '1'], 'b2c03927-10f7-5994-9b4b-358e49de8371'],
  [['acme', 'pco-2', 'campus', '1'], 'aefe97ce-d85a-5228-875b-0512fb658e0c'],
  [['other', 'pco', 'campus', '1'], 'b57ef48d-d587-58b3-84c7-848b7807ea8c'],
  [['acme', 'pco', 'household-membership', '12:34'], 'a8a69818-bed6-529a-b003-ea6d68b8b3f5'],
  [['acme', 'pco', 'person', 'a"b\\c'], 'e0458f8d-3077-5a07-8b31-f4cbc7fd4153'],
  [['acme', 'pco', 'person', 'Zoë ✓ \u2028'], '17b4da63-860e-5b4a-8ce9-1075463e3c24'],
] as const)('%j is %s for ever', ([org, source, entity, externalId], id) => {
  expect(CANONICAL_NAMESPACE).toBe('3f6b5c1e-8d0a-4f57-9c4b-5a1d0e7c2b94')
  expect(canonicalId(org, source, entity, externalId)).toBe(id)
})

test('an identity that is kept gives the same as a new one, in any order of calls', () => {
  const kept = createIdentity('acme', 'pco')
  fc.assert(
    fc.property(
      fc.constantFrom('person', 'email', 'a"b'),
      fc.string({ unit: 'grapheme', maxLength: 300 }),
      (entity, externalId) => {
        expect(kept(entity, externalId)).toBe(canonicalId('acme', 'pco', entity, externalId))
      },
    ),
  )
})

test('different records have different ids, however their parts are cut', () => {
  expect(canonicalId('a', 'b', 'c', 'd')).not.toBe(canonicalId('a', 'b', 'c","d', ''))
  expect(canonicalId('a","b', 'c', 'd', 'e')).not.toBe(canonicalId('a', 'b","c', 'd', 'e'))
})
