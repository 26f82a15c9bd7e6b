// Splits a keyset range after its first page into ranges that can be walked at once: even in time, the last one unbounded.
import type { ListPage } from '../adapter.ts'
import { formatSecond } from './keys.ts'
import type { KeysetSpec } from './keyset.ts'

/**
 * At most `parts` half-open ranges that cover what is left, the first ending strictly after the page's last value: its walk goes
 * on where it stands. One range, unsplit, where there is nothing to split: no times, no room between, or all rows received.
 */
export const splitRange = (spec: KeysetSpec, page: ListPage, now: Date, parts: number): readonly KeysetSpec[] => {
  const whole: KeysetSpec = { ...spec, split: false }
  const last = lastTime(spec.field, page)
  if (last === null || (page.total !== null && page.total <= page.ids.length)) return [whole]
  const until = spec.to === null ? now.getTime() : Date.parse(spec.to)
  const bounds = boundsBetween(last, until, parts)
  return [spec.from, ...bounds].map((from, index) => ({ ...whole, from, to: bounds[index] ?? spec.to }))
}

const lastTime = (field: string, page: ListPage): number | null => {
  for (let index = page.ids.length - 1; index >= 0; index--) {
    const key = page.key(index, field)
    if (key !== null && key !== undefined) return Number.isNaN(Date.parse(key)) ? null : Date.parse(key)
  }
  return null
}

/** Whole seconds, rising, after `from` and before `to`; fewer than asked for where there is no room. */
const boundsBetween = (from: number, to: number, parts: number): readonly string[] => {
  const first = Math.floor(from / 1000) + 1
  const times = Array.from({ length: parts - 1 }, (_, index) => Math.floor((from + ((to - from) * (index + 1)) / parts) / 1000))
  const rising = [...new Set(times)].filter((second) => second >= first && second * 1000 < to)
  return rising.map((second) => formatSecond(second * 1000))
}
