import { expect, test } from 'vitest'
import { timeOfUuidv7, uuidv7, uuidv7Floor } from '../../../platform/uuid.ts'

test('a run id is a UUIDv7, carries its time and sorts by it', () => {
  const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
  const id = uuidv7(ms)
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(timeOfUuidv7(id)).toBe(ms)
  expect(uuidv7(ms + 1) > id).toBe(true)
})

test('the floor of a day is at or below every id of that day and above every id before', () => {
  const day = Date.UTC(2026, 5, 1)
  expect(uuidv7Floor(day)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-0000-0000-0{12}$/)
  expect(uuidv7Floor(day) <= uuidv7(day)).toBe(true)
  expect(uuidv7Floor(day) > uuidv7(day - 1)).toBe(true)
})
