// Order of a keyset field's values as the API spells them, and the times in between.

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
