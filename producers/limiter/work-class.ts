// What a request to a vendor is for: how the classes share a limit stands in limiter.lua.

/** live: somebody waits for it. delta: it keeps in step. backfill: it reads everything. In this order they go first. */
export type WorkClass = 'live' | 'delta' | 'backfill'

/** Of a slice, by the strategy of its run. */
export const workClassOf = (strategy: string): WorkClass => (strategy === 'delta' ? 'delta' : 'backfill')
