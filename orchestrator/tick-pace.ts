// How many ticks signals may bring forward: when a tick began and ended goes in, for how long none may follow comes out. Pure but for what it
// remembers. Must hold: in the long run there is one each `everyMs` and what it takes, as without signals; after a silence, several at once.

export interface TickPace {
  restMs(beganAt: number, endedAt: number): number
}

/** `aheadMs`: how far the ticks may be ahead of that. */
export const createTickPace = (everyMs: number, aheadMs: number): TickPace => {
  let dueAt = Number.NEGATIVE_INFINITY
  return {
    restMs: (beganAt, endedAt) => {
      dueAt = Math.max(dueAt, beganAt) + endedAt - beganAt + everyMs
      return Math.max(0, dueAt - aheadMs - endedAt)
    },
  }
}
