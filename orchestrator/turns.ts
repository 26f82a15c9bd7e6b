// Which of the runs that were asked for begin now. Backfills take turns: what begins together shares the workers and ends together, late; one
// after the other, most end early, and what a tick looks at stays little. What keeps a source current never waits for them.
import type { Run } from '../ledger/runs.ts'

/** Backfills that are beginning at once, for each fetcher: enough that it always has one that waits for no answer. */
export const BEGINNING_PER_FETCHER = 28
/** One that has taken longer is a long one and makes room for the next, as one does that waits for its vendor. */
export const BEGINNING_SECONDS = 30

/** Reads all of something, and is not waited for by anybody as a rule. */
export const isBackfill = ({ strategy, approves }: Pick<Run, 'strategy' | 'approves'>): boolean =>
  strategy !== 'delta' && approves === null

/** Of the planned ones among `runs`: all but backfills, and of these as many as there is room for, in the order given. Pure. */
export const runsThatBegin = (
  runs: readonly Run[],
  { fetchers, beginning }: { fetchers: number; beginning: number },
): readonly Run[] => {
  let room = BEGINNING_PER_FETCHER * Math.max(1, fetchers) - beginning
  return runs.filter((run) => run.state === 'planned' && (!isBackfill(run) || room-- > 0))
}
