import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OffsetWindow } from '../../../platform/kafka/offset-window.ts'

test('what may be committed is never beyond an open offset, and all of it once everything is settled', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.bigInt(0n, 500n), { minLength: 1, maxLength: 50 }),
      fc.infiniteStream(fc.nat()),
      (unsorted, picks) => {
        const offsets = [...unsorted].sort((a, b) => (a < b ? -1 : 1))
        const window = new OffsetWindow()
        const open = offsets.map((offset) => ({ offset, settle: window.open('t', 0, offset) }))
        while (open.length > 0) {
          const [settled] = open.splice(picks.next().value % open.length, 1)
          settled?.settle()
          const [position] = window.committable()
          const lowestOpen = open[0]?.offset
          if (position && lowestOpen !== undefined) expect(position.offset <= lowestOpen).toBe(true)
        }
        expect(window.committable()).toEqual([{ topic: 't', partition: 0, offset: (offsets.at(-1) ?? 0n) + 1n }])
      },
    ),
  )
})

test('a position is offered again until it is committed, and a newer one survives the commit of an older one', () => {
  const window = new OffsetWindow()
  const [first, second] = [window.open('t', 1, 5n), window.open('t', 1, 6n)]
  first()
  const taken = window.committable()
  expect(window.committable()).toEqual(taken)
  second()
  window.committed(taken)
  expect(window.committable()).toEqual([{ topic: 't', partition: 1, offset: 7n }])
})
