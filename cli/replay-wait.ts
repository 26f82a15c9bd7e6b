// Waits until the sink has merged what a replay has produced, and tells what became of it. The ends of the topic are read once, so that
// what others produce meanwhile is not waited for; it gives up when nothing moves.
import type { Kafka } from 'kafkajs'
import { hasPassed } from '../orchestrator/heal.ts'
import { createLogOffsets, type Offsets } from '../platform/kafka/offsets.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Mended, Rederived } from '../sinks/postgres/rederived.ts'
import type { Topics } from '../topics/list.ts'
import { say } from './terminal.ts'
import { count } from './words.ts'

/** What became of the records that were produced. */
export interface Settled {
  /** Messages that the sink had not merged when patience was over. */
  readonly left: number
  readonly became: Mended
}

const PATIENCE_MS = 60_000
const TELL_MS = 2_000

export const settleReplay = async (kafka: Kafka, topics: Topics, entity: string, into: Rederived): Promise<Settled> => {
  let toldAt = Number.NEGATIVE_INFINITY
  const onProgress = (left: number): void => {
    if (performance.now() - toldAt < TELL_MS) return
    toldAt = performance.now()
    say(`The sink has ${count(left, 'message')} to merge …`)
  }
  const wait = { topic: topics.canonical(entity), group: topics.group('sink'), patienceMs: PATIENCE_MS, onProgress }
  return { left: await waitForSink(kafka, wait), became: await into.mended() }
}

interface SinkWait {
  readonly topic: string
  /** The sinks' consumer group: it commits what is durable in the tables. */
  readonly group: string
  /** Without any progress, so long at most. */
  readonly patienceMs: number
  /** Messages that are left; called when they have become fewer. */
  readonly onProgress: (left: number) => void
}

const POLL_MS = 250

const leftOf = (ends: Offsets, positions: Offsets): number =>
  [...ends].reduce((sum, [key, end]) => sum + Math.max(0, Number(end - (positions.get(key) ?? 0n))), 0)

/** Resolves to the number of messages that the sink has not merged when patience is over; 0: it has merged them all. */
export const waitForSink = async (kafka: Kafka, { topic, group, patienceMs, onProgress }: SinkWait): Promise<number> => {
  const offsets = createLogOffsets(kafka)
  await offsets.connect()
  try {
    const ends = await offsets.ends([topic])
    let [left, movedAt] = [Number.POSITIVE_INFINITY, performance.now()]
    for (;;) {
      const positions = await offsets.positions(group, [topic])
      if (hasPassed(ends, positions)) return 0
      const now = leftOf(ends, positions)
      if (now < left) {
        ;[left, movedAt] = [now, performance.now()]
        onProgress(left)
      }
      if (performance.now() - movedAt > patienceMs) return left
      await pause(POLL_MS)
    }
  } finally {
    await offsets.disconnect()
  }
}
