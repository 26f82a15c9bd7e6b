// A moment as people give it: a time, or how long ago. Goes in text, comes out ms since 1970.
import { SynclineError } from '../platform/errors.ts'

const AGO = /^(\d+)\s*([smhdw])$/
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const TIME = /^\d{4}-\d{2}-\d{2}/

/** `2026-03-01`, `2026-03-01T12:00:00Z`, `90m`, `36h`, `7d`. Throws SynclineError('usage') for anything else, and for the future. */
export const parseSince = (text: string, nowMs: number): number => {
  const ago = AGO.exec(text.trim())
  const ms = ago ? nowMs - Number(ago[1]) * (UNIT_MS[ago[2] ?? ''] ?? 0) : TIME.test(text) ? Date.parse(text) : Number.NaN
  if (ms >= 0 && ms <= nowMs) return ms
  throw new SynclineError('usage', `'${text}' is not a moment of the past.`, {
    remedy: 'Give a time such as 2026-03-01T12:00:00Z, or how long ago, such as 36h or 7d.',
  })
}
