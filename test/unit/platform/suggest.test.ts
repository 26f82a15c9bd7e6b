import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { editDistance, nearestNames, suggest } from '../../../platform/suggest.ts'

const NAMES = [
  'campus',
  'household',
  'person',
  'household-membership',
  'address',
  'email',
  'phone-number',
  'group',
  'group-membership',
  'event',
]

describe('the nearest name', () => {
  test.each([
    ['persn', 'person'],
    ['people', 'person'],
    ['Persons', 'person'],
    ['phone_number', 'phone-number'],
    ['phonenumbers', 'phone-number'],
    ['emial', 'email'],
    ['adress', 'address'],
    ['campuses', 'campus'],
    ['groupmembership', 'group-membership'],
  ])('of %s is %s', (typed, meant) => expect(nearestNames(typed, NAMES)[0]).toBe(meant))

  test('is some valid name even when nothing is near, and none when there is none', () => {
    expect(nearestNames('zzzzzzzzzzzz', NAMES)).toHaveLength(3)
    expect(nearestNames('x', [])).toEqual([])
    expect(suggest('x', [])).toBe('There are none yet.')
    expect(suggest('persn', NAMES)).toMatch(/^Did you mean person.*\?$/)
  })
})

describe('edit distance', () => {
  test('counts an adjacent swap once', () => {
    expect(['ab,ba', 'email,emial', 'kitten,sitting', ',abc', 'same,same'].map((pair) => editDistance(...pairOf(pair)))).toEqual([
      1, 1, 3, 3, 0,
    ])
  })

  test('is symmetric and no more than the longer text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a))
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })
})

const pairOf = (pair: string): [string, string] => {
  const [a = '', b = ''] = pair.split(',')
  return [a, b]
}
