// Which records of a batch are likely new to their table: learned from the batches before, never relied on. Records that came a moment ago
// come again as a rule (a walk reads the last second of a page once more): these are not new, and say nothing of the others.
import type { BatchRecord } from './batch.ts'

/** So many ids are remembered, and up to twice as many: a few batches' worth. */
const REMEMBERED = 20_000
/** Of fewer, a statement more or less matters little, and what they are says little of the next. */
const MANY_RECORDS = 500

export interface Shares {
  /** Empty unless they are likely new, and many. */
  readonly fresh: readonly BatchRecord[]
  readonly others: readonly BatchRecord[]
}

export interface Novelty {
  /** Of records of one entity. */
  share(entity: string, records: readonly BatchRecord[]): Shares
  /** What became of the same records: which of them are new rows now. */
  learn(entity: string, records: readonly BatchRecord[], created: ReadonlySet<BatchRecord>): void
}

export const createNovelty = (): Novelty => {
  const expected = new Set<string>()
  let recent = new Set<string>()
  let before = new Set<string>()
  const cameBefore = ({ encoded }: BatchRecord): boolean => recent.has(encoded.id) || before.has(encoded.id)
  const remember = ({ encoded }: BatchRecord): void => {
    if (recent.size >= REMEMBERED) [before, recent] = [recent, new Set()]
    recent.add(encoded.id)
  }

  return {
    share: (entity, records) => {
      const [fresh, others]: [BatchRecord[], BatchRecord[]] = [[], []]
      if (!expected.has(entity)) return { fresh, others: records }
      for (const record of records) (cameBefore(record) ? others : fresh).push(record)
      return fresh.length < MANY_RECORDS ? { fresh: [], others: records } : { fresh, others }
    },
    learn: (entity, records, created) => {
      const unseen = records.filter((record) => !cameBefore(record))
      if (!unseen.every((record) => created.has(record))) expected.delete(entity)
      else if (unseen.length >= MANY_RECORDS) expected.add(entity)
      for (const record of records) remember(record)
    },
  }
}
