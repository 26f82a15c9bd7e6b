// Batches of the consumer that wait to be gathered, bounded in bytes: what is queued under an older assignment is dropped.
import type { Batch } from '../platform/kafka/consumer.ts'

export interface Valve {
  /** No further fetches. */
  pause(): void
  resume(): void
}

export interface Queue {
  readonly generation: number
  readonly isEmpty: boolean
  push(batch: Batch): void
  shift(): Batch | undefined
  /** A new assignment: everything before it will be delivered again. */
  reset(generation: number): void
}

const bytesOf = (batch: Batch): number => batch.messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)

/** Closes the valve above `maxBytes` and opens it again below half of them; `wake` is called whenever there is news. */
export const createQueue = (maxBytes: number, valve: Valve, wake: () => void): Queue => {
  let batches: { readonly batch: Batch; readonly bytes: number }[] = []
  let generation = 0
  let bytes = 0
  return {
    get generation() {
      return generation
    },
    get isEmpty() {
      return batches.length === 0
    },
    push: (batch) => {
      if (batch.generation !== generation) return
      const size = bytesOf(batch)
      batches.push({ batch, bytes: size })
      bytes += size
      if (bytes > maxBytes) valve.pause()
      wake()
    },
    shift: () => {
      const head = batches.shift()
      bytes -= head?.bytes ?? 0
      if (bytes < maxBytes / 2) valve.resume()
      return head?.batch
    },
    reset: (assigned) => {
      generation = assigned
      batches = []
      bytes = 0
      valve.resume()
      wake()
    },
  }
}
