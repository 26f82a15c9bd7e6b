// Whether a source's clock is near enough to PostgreSQL's, by which its changes are asked for: an answer's headers and the time at which it
// came go in, a word comes out. Throws SynclineError('config') when a delta may miss changes.
import { SynclineError } from '../platform/errors.ts'
import { duration } from './words.ts'

/** A header has seconds, and was a moment under way. */
const UNNOTICED_MS = 2_000

/** `ours`: by PostgreSQL's clock. `allowedMs`: so much a source may be behind; ahead does no harm (docs/decisions/0014-watermarks.md). */
export const compareClocks = (date: string | undefined, ours: number, allowedMs: number): string => {
  const behindMs = ours - Date.parse(date ?? '')
  if (Number.isNaN(behindMs)) return 'not told'
  const apart = duration(Math.abs(behindMs))
  if (behindMs > allowedMs)
    throw new SynclineError('config', `The source's clock is ${apart} behind PostgreSQL's: a delta may miss changes`, {
      remedy: "Set the clock of PostgreSQL's machine by NTP; if it is right, raise SYNCLINE_DELTA_LOOK_BACK_SECONDS.",
    })
  if (Math.abs(behindMs) < UNNOTICED_MS) return 'the same as ours'
  return `${apart} ${behindMs > 0 ? 'behind' : 'ahead of'} ours`
}
