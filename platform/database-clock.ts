// PostgreSQL's time, read once a minute and advanced by this process's monotonic clock: processes need not agree on the time (invariant 2).
import type { Queryable } from './postgres.ts'

const READ_EVERY_MS = 60_000

export class DatabaseClock {
  #offsetMs = 0
  #readAt = Number.NEGATIVE_INFINITY

  /** Reads the server's time if the last reading is older than a minute. To be called before `now`, and again now and then. */
  async refresh(client: Queryable): Promise<void> {
    if (performance.now() - this.#readAt < READ_EVERY_MS) return
    const sentAt = performance.now()
    const { rows } = await client.query<{ ms: number }>('select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms')
    const midway = (sentAt + performance.now()) / 2
    this.#offsetMs = (rows[0]?.ms ?? Date.now()) - midway
    this.#readAt = performance.now()
  }

  /** Milliseconds since 1970, whole. */
  now(): number {
    return Math.floor(performance.now() + this.#offsetMs)
  }
}
