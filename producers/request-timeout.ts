// A limit that all who ask a vendor keep.

/** The total time of one request to a vendor; the same in all workers, because the limiter counts on it. */
export const REQUEST_TIMEOUT_MS = 30_000
