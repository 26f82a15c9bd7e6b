import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createElementBytes } from '../../../processors/record-bytes.ts'

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
      const body = JSON.parse(json.toString())
      const bytesOf = createElementBytes(json, body)
      for (const key of ['data', 'included'] as const)
        for (const element of body[key]) expect(JSON.parse(bytesOf(element)?.toString() ?? '')).toEqual(element)
      expect(bytesOf({})).toBeUndefined()
    }),
    { numRuns: 500 },
  )
})

test('elements of an array under any name, and of a page that is an array, are found as well', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('people', 'a b', 'личности'),
      fc.array(fc.jsonValue(), { maxLength: 6 }),
      fc.boolean(),
      (name, elements, isBare) => {
        const json = Buffer.from(isBare ? ` ${JSON.stringify(elements)}` : JSON.stringify({ total: 1, [name]: elements }))
        const body = JSON.parse(json.toString())
        const bytesOf = createElementBytes(json, body)
        for (const element of isBare ? body : body[name]) expect(JSON.parse(bytesOf(element)?.toString() ?? '')).toEqual(element)
      },
    ),
  )
})

test('numbers that JavaScript cannot hold stay as they were sent', () => {
  const json = Buffer.from('{"a":"]},\\"[","data":[ {"id":1} , {"id":12345678901234567890, "x":1.10}\n]}')
  const body = JSON.parse(json.toString())
  expect(createElementBytes(json, body)(body.data[1])?.toString()).toBe('{"id":12345678901234567890, "x":1.10}')
})
