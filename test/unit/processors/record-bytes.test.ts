import fc from 'fast-check'
import { expect, test } from 'vitest'
import { elementBytes } from '../../../processors/record-bytes.ts'

test('every element of every array is found, byte for byte, whatever stands around it', () => {
  const page = fc.record({
    links: fc.jsonValue(),
    data: fc.array(fc.jsonValue(), { maxLength: 6 }),
    included: fc.array(fc.jsonValue(), { maxLength: 3 }),
  })
  fc.assert(
    fc.property(page, fc.constantFrom(0, 2), fc.boolean(), (value, indent, reversed) => {
      const shuffled = reversed ? Object.fromEntries(Object.entries(value).reverse()) : value
      const json = Buffer.from(JSON.stringify(shuffled, undefined, indent))
      for (const key of ['data', 'included'] as const) {
        value[key].forEach((element, index) => {
          expect(JSON.parse(elementBytes(json, key, index)?.toString() ?? '')).toEqual(JSON.parse(JSON.stringify(element)))
        })
        expect(elementBytes(json, key, value[key].length)).toBeUndefined()
      }
    }),
    { numRuns: 500 },
  )
})

test('numbers that JavaScript cannot hold stay as they were sent', () => {
  const json = Buffer.from('{"a":"]},\\"[","data":[ {"id":1} , {"id":12345678901234567890, "x":1.10}\n]}')
  expect(elementBytes(json, 'data', 1)?.toString()).toBe('{"id":12345678901234567890, "x":1.10}')
})
