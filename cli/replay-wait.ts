// Waits until the sink has merged what a replay has produced, and tells what became of it.
import type { Kafka } from 'kafkajs'
import type { Mended, Rederived } from '../sinks/postgres/rederived.ts'
import type { Topics } from '../topics/list.ts'
import { waitForGroup } from './group-wait.ts'
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
  const wait = { topics: [topics.canonical(entity)], group: topics.group('sink'), patienceMs: PATIENCE_MS, onProgress }
  return { left: await waitForGroup(kafka, wait), became: await into.mended() }
}
