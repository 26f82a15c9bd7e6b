// Whether a source's clock is near enough to PostgreSQL's, by which its changes are asked for: an answer's headers and the time at which it
// came go in, a word comes out. Throws SynclineError('config') when a delta may miss changes.
import { SynclineError } from '../platform/errors.ts'
import { duration } from './words.ts'

/** `ours`: by PostgreSQL's clock. `allowedMs`: so much a delta makes up for (docs/decisions/0014-watermarks.md). */
export const compareClocks = (date: string | undefined, ours: number, allowedMs: number): string => {
  const at = Date.parse(date ?? '')
  if (Number.isNaN(at)) return 'not told'
  const skew = Math.abs(ours - at)
  // A header has seconds, and was a moment under way.
  if (skew <= allowedMs) return skew < 2_000 ? 'the same as ours' : `${duration(skew)} from ours`
  throw new SynclineError('config', `The source's clock and PostgreSQL's are ${duration(skew)} apart: a delta may miss changes`, {
    remedy: "Set the clock of PostgreSQL's machine by NTP; if it is right, raise SYNCLINE_DELTA_LOOK_BACK_SECONDS.",
  })
}
