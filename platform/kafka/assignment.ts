// The partitions of one member of a group: which it has, where their next delivery must start, how far behind they are. Pure.
import type { Position } from './consumer.ts'

/** Which partitions this member has, and where the first batch of each must start after a rebalance. */
export class AssignmentState {
  generation = 0
  #assignment: Readonly<Record<string, readonly number[]>> = {}
  /** Last committed offset (or first fetched one) of partitions of the current assignment. */
  #known = new Map<string, bigint>()
  #expected = new Map<string, bigint>()
  /** Ends of partitions as of the last delivery. */
  #ends = new Map<string, bigint>()

  get size(): number {
    return Object.values(this.#assignment).reduce((sum, partitions) => sum + partitions.length, 0)
  }

  has(topic: string, partition: number): boolean {
    return this.#assignment[topic]?.includes(partition) ?? false
  }

  assigned(): { topic: string; partitions: number[] }[] {
    return Object.entries(this.#assignment).map(([topic, partitions]) => ({ topic, partitions: [...partitions] }))
  }

  assign(assignment: Readonly<Record<string, readonly number[]>>): void {
    this.generation++
    this.#assignment = assignment
    const kept = new Map<string, bigint>()
    const ends = new Map<string, bigint>()
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) {
        const offset = this.#known.get(`${topic}/${partition}`)
        if (offset !== undefined) kept.set(`${topic}/${partition}`, offset)
        const end = this.#ends.get(`${topic}/${partition}`)
        if (end !== undefined) ends.set(`${topic}/${partition}`, end)
      }
    }
    this.#expected = new Map(kept)
    this.#known = kept
    this.#ends = ends
  }

  expectedStart(topic: string, partition: number): bigint | undefined {
    return this.#expected.get(`${topic}/${partition}`)
  }

  forgetStart(topic: string, partition: number): void {
    this.#expected.delete(`${topic}/${partition}`)
  }

  started(topic: string, partition: number, offset: bigint): void {
    const key = `${topic}/${partition}`
    this.#expected.delete(key)
    if (!this.#known.has(key)) this.#known.set(key, offset)
  }

  sawEnd(topic: string, partition: number, end: bigint): void {
    this.#ends.set(`${topic}/${partition}`, end)
  }

  /** Messages between what is committed and the ends. */
  lag(): number {
    let lag = 0
    for (const [key, end] of this.#ends) {
      const behind = Number(end - (this.#known.get(key) ?? end))
      if (behind > 0) lag += behind
    }
    return lag
  }

  committed(position: Position): void {
    this.#known.set(`${position.topic}/${position.partition}`, position.offset)
  }
}
