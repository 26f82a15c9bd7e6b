// Deliveries of the consumer that wait to be gathered, bounded in bytes of memory; what is queued under an older assignment is dropped.
// They come out in the order in which they were produced, across partitions, parents first among equals: so a child seldom comes
// before its parent and has to be parked.
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
  /** Some hundred messages of one partition. */
  shift(): Batch | undefined
  /** A new assignment: everything before it will be delivered again. */
  reset(generation: number): void
}

interface Waiting {
  readonly batch: Batch
  readonly bytes: number
}

/** Messages that come out at once: a few pages' worth, because the order holds between pieces and not within them. */
const PIECE = 500

/** What a message takes besides its value, measured: its objects, key and headers. */
const MESSAGE_OVERHEAD_BYTES = 470

const bytesOf = ({ messages }: Batch): number =>
  messages.reduce((sum, { value }) => sum + (value?.length ?? 0), MESSAGE_OVERHEAD_BYTES * messages.length)

const piecesOf = (batch: Batch): Waiting[] => {
  const pieces: Waiting[] = []
  for (let from = 0; from === 0 || from < batch.messages.length; from += PIECE) {
    const messages = batch.messages.slice(from, from + PIECE)
    const following = batch.messages[from + PIECE]
    const piece = { ...batch, messages, nextOffset: following?.offset ?? batch.nextOffset }
    pieces.push({ batch: piece, bytes: bytesOf(piece) })
  }
  return pieces
}

const producedAt = ({ batch }: Waiting): number => batch.messages[0]?.timestamp ?? 0

/**
 * Closes the valve above `maxBytes` and opens it again below half of them; `wake` is called whenever there is news. `topics` are
 * in the order in which they are preferred.
 */
export const createQueue = (maxBytes: number, topics: readonly string[], valve: Valve, wake: () => void): Queue => {
  const rank = new Map(topics.map((topic, n) => [topic, n]))
  let partitions = new Map<string, Waiting[]>()
  let generation = 0
  let bytes = 0

  const rankOf = ({ batch }: Waiting): number => rank.get(batch.topic) ?? topics.length
  const isBefore = (a: Waiting, b: Waiting): boolean =>
    producedAt(a) === producedAt(b) ? rankOf(a) < rankOf(b) : producedAt(a) < producedAt(b)

  const takeFirst = (): Waiting | undefined => {
    let first: { key: string; head: Waiting } | undefined
    for (const [key, [head]] of partitions) {
      if (head !== undefined && (first === undefined || isBefore(head, first.head))) first = { key, head }
    }
    if (first === undefined) return undefined
    const rest = partitions.get(first.key) ?? []
    rest.shift()
    if (rest.length === 0) partitions.delete(first.key)
    return first.head
  }

  return {
    get generation() {
      return generation
    },
    get isEmpty() {
      return partitions.size === 0
    },
    push: (batch) => {
      if (batch.generation !== generation) return
      const key = `${batch.topic}/${batch.partition}`
      const waiting = partitions.get(key) ?? []
      partitions.set(key, waiting)
      for (const piece of piecesOf(batch)) {
        waiting.push(piece)
        bytes += piece.bytes
      }
      if (bytes > maxBytes) valve.pause()
      wake()
    },
    shift: () => {
      const head = takeFirst()
      bytes -= head?.bytes ?? 0
      if (bytes < maxBytes / 2) valve.resume()
      return head?.batch
    },
    reset: (assigned) => {
      generation = assigned
      partitions = new Map()
      bytes = 0
      valve.resume()
      wake()
    },
  }
}
