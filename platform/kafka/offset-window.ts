// Open work per partition when it ends out of order: what may be committed is the low watermark, below which all is settled.
import type { Position } from './consumer.ts'

interface Open {
  readonly offset: bigint
  settled: boolean
}

interface Partition {
  readonly topic: string
  readonly partition: number
  readonly open: Open[]
  committable: bigint | undefined
}

export class OffsetWindow {
  #partitions = new Map<string, Partition>()

  /** Opens one offset; offsets of a partition are opened in order. The returned function settles it. */
  open(topic: string, partition: number, offset: bigint): () => void {
    const key = `${topic}/${partition}`
    const state = this.#partitions.get(key) ?? { topic, partition, open: [], committable: undefined }
    this.#partitions.set(key, state)
    const entry = { offset, settled: false }
    state.open.push(entry)
    return () => {
      entry.settled = true
      while (state.open[0]?.settled) state.committable = (state.open.shift()?.offset ?? 0n) + 1n
    }
  }

  /** Positions that may be committed and have not been. */
  committable(): readonly Position[] {
    const positions: Position[] = []
    for (const { topic, partition, committable } of this.#partitions.values()) {
      if (committable !== undefined) positions.push({ topic, partition, offset: committable })
    }
    return positions
  }

  committed(positions: readonly Position[]): void {
    for (const { topic, partition, offset } of positions) {
      const state = this.#partitions.get(`${topic}/${partition}`)
      if (state?.committable === offset) state.committable = undefined
    }
  }
}
