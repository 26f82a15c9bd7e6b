// The values of a keyset field as the API spells them: what a record has, their order, and the times in between.
import type { z } from 'zod'

/**
 * For `ListPage.key`: null where there is none. What the mapping will refuse is no value to go by: another type than the field's, a time
 * that is none.
 */
export const keyOf = (schema: z.ZodType | undefined, value: unknown): string | null | undefined => {
  if (value === null || value === undefined) return null
  if (schema?.safeParse(value).success === false) return undefined
  if (typeof value === 'string') return value
  return typeof value === 'number' ? String(value) : undefined
}

/** Negative, zero or positive. Times of one format compare as text; of two formats, as times. */
export const compareKeys = (a: string, b: string): number => {
  if (a === b) return 0
  if (a.length !== b.length) {
    const difference = Date.parse(a) - Date.parse(b)
    if (!Number.isNaN(difference)) return difference
  }
  return a < b ? -1 : 1
}

/** YYYY-MM-DDTHH:MM:SSZ, the way APIs with a resolution of a second spell it. */
export const formatSecond = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`
