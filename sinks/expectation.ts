// What a batch's records likely are to their table, new rows or rows that stand as they are: learned from the batches before, never relied
// on. Records that came a moment ago come again as a rule (a walk reads the last second of a page once more), and those of no page are told
// or asked for one by one: these are not new, and say nothing of the others.
import type { BatchRecord } from './batch.ts'
import type { Put } from './postgres/put-new.ts'
import type { OutcomeLetter } from './postgres/statements.ts'

/** So many ids are remembered, and up to twice as many: a few batches' worth. */
const REMEMBERED = 20_000
/** Of fewer, a statement more or less matters little, and what they are says little of the next. */
const MANY_RECORDS = 500
/** A COPY that is undone may have written nearly all of its rows. */
const MOST_AWAITED = 64

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
  /** What became of the same records; those that PostgreSQL refused are not among them. `put`: what became of the fresh ones, tried as new. */
  learn(entity: string, records: readonly BatchRecord[], became: ReadonlyMap<BatchRecord, OutcomeLetter>, put?: Put): void
}

type Kind = 'new' | 'unchanged' | undefined

interface Guess {
  next: Kind
  /** Batches of new rows to be seen before the next is tried as one. */
  awaited: number
  /** So many are awaited once a row has stood: twice as many after each that was tried in vain. */
  price: number
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
  const guesses = new Map<string, Guess>()
  let recent = new Set<string>()
  let before = new Set<string>()
  const cameBefore = ({ encoded }: BatchRecord): boolean => recent.has(encoded.id) || before.has(encoded.id)
  const maySay = (record: BatchRecord): boolean => record.page !== undefined && !cameBefore(record)
  const remember = ({ encoded }: BatchRecord): void => {
    if (recent.size >= REMEMBERED) [before, recent] = [recent, new Set()]
    recent.add(encoded.id)
  }
  const guessOf = (entity: string): Guess => {
    const guess = guesses.get(entity) ?? { next: undefined, awaited: 1, price: 1 }
    guesses.set(entity, guess)
    return guess
  }

  const pay = (guess: Guess, put: Put): void => {
    if (put === 'never') guess.price = Number.POSITIVE_INFINITY
    else guess.price = put === 'put' ? 1 : Math.min(MOST_AWAITED, guess.price * 2)
    if (put !== 'put') guess.awaited = guess.price
  }

  const nextAfter = (guess: Guess, records: readonly BatchRecord[], became: ReadonlyMap<BatchRecord, OutcomeLetter>): Kind => {
    const telling = records.filter(maySay)
    const isNew = telling.every((record) => became.get(record) === 'n')
    if (isNew && telling.length >= MANY_RECORDS) {
      guess.awaited = Math.max(0, guess.awaited - 1)
      return guess.awaited === 0 ? 'new' : undefined
    }
    if (!isNew) guess.awaited = guess.price
    if (records.length < MANY_RECORDS) return guess.next === 'new' && !isNew ? undefined : guess.next
    if (isNew && telling.length > 0) return guess.next
    const unchanged = records.reduce((sum, record) => (became.get(record) === 'u' ? sum + 1 : sum), 0)
    return unchanged > records.length / 2 ? 'unchanged' : undefined
  }

  return {
    share: (entity, records) => {
      const { next } = guessOf(entity)
      if (next === 'new') {
        const [fresh, others] = parted(records, maySay)
        return { fresh, familiar: NONE, others }
      }
      if (next === 'unchanged') {
        const [familiar, others] = parted(records, isSettledByHash)
        return { fresh: NONE, familiar, others }
      }
      return { fresh: NONE, familiar: NONE, others: records }
    },
    learn: (entity, records, became, put) => {
      const guess = guessOf(entity)
      if (put !== undefined) pay(guess, put)
      guess.next = nextAfter(guess, records, became)
      for (const record of records) remember(record)
    },
  }
}
