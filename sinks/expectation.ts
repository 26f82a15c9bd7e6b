// What a batch's records likely are to their table, new rows or rows that stand as they are: learned from the batches before, never relied
// on. Records that came a moment ago come again as a rule (a walk reads the last second of a page once more): these are not new, and say
// nothing of the others.
import type { BatchRecord } from './batch.ts'
import type { OutcomeLetter } from './postgres/statements.ts'

/** So many ids are remembered, and up to twice as many: a few batches' worth. */
const REMEMBERED = 20_000
/** Of fewer, a statement more or less matters little, and what they are says little of the next. */
const MANY_RECORDS = 500

export interface Shares {
  /** Likely new. Empty unless they are many. */
  readonly fresh: readonly BatchRecord[]
  /** Likely in the table as they are, if they are of a kind that needs no more than that. Empty unless they are many. */
  readonly familiar: readonly BatchRecord[]
  readonly others: readonly BatchRecord[]
}

export interface Expectation {
  /** Of records of one entity. */
  share(entity: string, records: readonly BatchRecord[]): Shares
  /** What became of the same records; those that PostgreSQL refused are not among them. */
  learn(entity: string, records: readonly BatchRecord[], became: ReadonlyMap<BatchRecord, OutcomeLetter>): void
}

/** Of a living record whose source says when it changed, nothing but a difference in content is ever written. */
const isSettledByHash = ({ encoded }: BatchRecord): boolean => encoded.sourceUpdatedAt !== null && !encoded.deleted

const NONE: readonly BatchRecord[] = []

const parted = (
  records: readonly BatchRecord[],
  isFirst: (record: BatchRecord) => boolean,
): readonly [first: readonly BatchRecord[], others: readonly BatchRecord[]] => {
  const [first, others]: [BatchRecord[], BatchRecord[]] = [[], []]
  for (const record of records) (isFirst(record) ? first : others).push(record)
  return first.length < MANY_RECORDS ? [NONE, records] : [first, others]
}

export const createExpectation = (): Expectation => {
  const expected = new Map<string, 'new' | 'unchanged'>()
  let recent = new Set<string>()
  let before = new Set<string>()
  const cameBefore = ({ encoded }: BatchRecord): boolean => recent.has(encoded.id) || before.has(encoded.id)
  const remember = ({ encoded }: BatchRecord): void => {
    if (recent.size >= REMEMBERED) [before, recent] = [recent, new Set()]
    recent.add(encoded.id)
  }

  const expectationAfter = (
    before: 'new' | 'unchanged' | undefined,
    records: readonly BatchRecord[],
    became: ReadonlyMap<BatchRecord, OutcomeLetter>,
  ): 'new' | 'unchanged' | undefined => {
    const unseen = records.filter((record) => !cameBefore(record))
    const isNew = unseen.every((record) => became.get(record) === 'n')
    if (isNew && unseen.length > 0) return unseen.length >= MANY_RECORDS ? 'new' : before
    if (records.length < MANY_RECORDS) return before === 'new' && !isNew ? undefined : before
    const unchanged = records.reduce((sum, record) => (became.get(record) === 'u' ? sum + 1 : sum), 0)
    return unchanged > records.length / 2 ? 'unchanged' : undefined
  }

  return {
    share: (entity, records) => {
      const expectation = expected.get(entity)
      if (expectation === 'new') {
        const [fresh, others] = parted(records, (record) => !cameBefore(record))
        return { fresh, familiar: NONE, others }
      }
      if (expectation === 'unchanged') {
        const [familiar, others] = parted(records, isSettledByHash)
        return { fresh: NONE, familiar, others }
      }
      return { fresh: NONE, familiar: NONE, others: records }
    },
    learn: (entity, records, became) => {
      const expectation = expectationAfter(expected.get(entity), records, became)
      if (expectation === undefined) expected.delete(entity)
      else expected.set(entity, expectation)
      for (const record of records) remember(record)
    },
  }
}
