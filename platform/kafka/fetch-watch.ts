// Whether a consumer still hears from Kafka: what the client says of its fetches goes in, how long it has been silent comes out.
// Pure: times (milliseconds of one monotonic clock) are passed in.

export interface ConsumerReport {
  /** Assignments so far; 0 before the first. */
  readonly generation: number
  /** Back-pressure; a paused consumer is not silent, its heartbeats are answered. */
  readonly isPaused: boolean
  readonly isAway: boolean
  readonly isJoining: boolean
  /** How long the broker that has been silent longest has not answered. */
  readonly silentMs: number
  /** Messages of the assigned partitions behind what is committed, as of the last delivery of each. */
  readonly lag: number
}

export class FetchWatch {
  isAway = false
  isJoining = true
  /** Undefined until it is asked to start. */
  #heardAt: number | undefined
  /** Brokers that were asked and have not answered, since when. A new attempt does not count as an answer. */
  readonly #asked = new Map<number, number>()

  asked(broker: number, now: number): void {
    if (!this.#asked.has(broker)) this.#asked.set(broker, now)
  }

  answered(broker: number, now: number): void {
    this.#asked.delete(broker)
    this.#heardAt = now
  }

  /** It is paused, and its group knows of it: nothing is asked anew meanwhile, though a request may have been broken off. */
  held(now: number): void {
    this.#asked.clear()
    this.#heardAt = now
  }

  joined(now: number): void {
    this.isAway = false
    this.#beginAnew(false, now)
  }

  /** Also when it begins. */
  rejoining(now: number): void {
    this.#beginAnew(true, now)
  }

  /** The client has given up and will try again by itself. */
  restarting(now: number): void {
    this.isAway = true
    this.#beginAnew(true, now)
  }

  silentMs(now: number): number {
    return this.#heardAt === undefined ? 0 : now - Math.min(this.#heardAt, ...this.#asked.values())
  }

  #beginAnew(isJoining: boolean, now: number): void {
    this.isJoining = isJoining
    this.#asked.clear()
    this.#heardAt = now
  }
}
