// Waits until a consumer group has passed the ends that topics have now. The ends are read once, so that what others produce meanwhile is
// not waited for; it gives up when nothing moves.
import type { Kafka } from 'kafkajs'
import { hasPassed } from '../orchestrator/heal.ts'
import { createLogOffsets, type Offsets } from '../platform/kafka/offsets.ts'
import { pause } from '../platform/lifecycle.ts'

export interface GroupWait {
  readonly topics: readonly string[]
  /** It commits what is done with. */
  readonly group: string
  /** Without any progress, so long at most. */
  readonly patienceMs: number
  /** Messages that are left; called when they have become fewer. */
  readonly onProgress: (left: number) => void
}

const POLL_MS = 250

const leftOf = (ends: Offsets, positions: Offsets): number =>
  [...ends].reduce((sum, [key, end]) => sum + Math.max(0, Number(end - (positions.get(key) ?? 0n))), 0)

/** Resolves to the number of messages that the group has not passed when patience is over; 0: it has passed them all. */
export const waitForGroup = async (kafka: Kafka, { topics, group, patienceMs, onProgress }: GroupWait): Promise<number> => {
  const offsets = createLogOffsets(kafka)
  await offsets.connect()
  try {
    const ends = await offsets.ends(topics)
    let [left, movedAt] = [Number.POSITIVE_INFINITY, performance.now()]
    for (;;) {
      const positions = await offsets.positions(group, topics)
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
