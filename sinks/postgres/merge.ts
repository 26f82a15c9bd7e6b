// One batch into the tables, in one transaction with its landings: goes in a batch with distinct ids, come out the outcomes.
// Must hold: any batch may come twice, late, or in pieces, and the tables end the same (invariants 2 and 5). Locks: data tables
// parents first, of each the new rows by id and then the others by id; then parked rows; then dead letters, ids seen, landings, asks by key.
import { type NewAsk, recordAsks } from '../../ledger/asks.ts'
import { recordDeadLetters } from '../../ledger/dead-letters.ts'
import { type Move, moveOutcomes, type Outcome, recordLandings, reviveOutcomes } from '../../ledger/landings.ts'
import { type Answer, type SettledReplays, settleReplays } from '../../ledger/replays.ts'
import { recordSeen } from '../../ledger/seen.ts'
import { signalProgress } from '../../ledger/signals.ts'
import { failpoint } from '../../platform/failpoints.ts'
import type { Pool, PoolClient } from '../../platform/postgres.ts'
import { encodePlace } from '../../topics/dead-letters.ts'
import { isHint } from '../../topics/hints.ts'
import { askOf, parentAsksOf } from '../asks.ts'
import type { BatchRecord, MergeBatch, Placed } from '../batch.ts'
import { createExpectation, type Expectation } from '../expectation.ts'
import { createOutcomeBook } from '../landings.ts'
import { type CountedRanges, seenOf } from '../seen.ts'
import { findUnchanged } from './find-unchanged.ts'
import { withoutForgotten } from './forgotten.ts'
import { type Layout, layoutByEntity } from './layout.ts'
import { park } from './parking.ts'
import { putNew } from './put-new.ts'
import { inSession } from './session.ts'
import { mergeStaged, type Refused, stage } from './staging.ts'
import type { OutcomeLetter } from './statements.ts'

export interface EntityOutcomes {
  readonly layout: Layout
  readonly records: readonly BatchRecord[]
  /** By position in `records`. */
  readonly letters: readonly OutcomeLetter[]
  /** By position in `records`: to be asked for by id. */
  readonly doubtful: readonly number[]
}

export interface MergeResult {
  readonly entities: readonly EntityOutcomes[]
  /** They have no outcome yet: that of the dead letters that they become. */
  readonly refused: readonly Refused[]
  /** Records of organisations that were forgotten: they are nowhere. */
  readonly dropped: number
  readonly counts: Readonly<Record<Outcome, number>>
  readonly outcomes: OutcomeCounts
}

/** What became of the records of a batch, by entity. */
export type OutcomeCounts = ReadonlyMap<string, Readonly<Record<Outcome, number>>>

const OUTCOME_OF: Readonly<Record<Exclude<OutcomeLetter, 'x'>, Outcome>> = {
  n: 'merged',
  m: 'merged',
  u: 'unchanged',
  r: 'unchanged',
  s: 'stale',
  p: 'parked',
}

const byLayout = (records: readonly BatchRecord[]): readonly { layout: Layout; records: BatchRecord[] }[] => {
  const groups = new Map<string, BatchRecord[]>()
  for (const record of records) {
    const group = groups.get(record.entity)
    if (group === undefined) groups.set(record.entity, [record])
    else group.push(record)
  }
  return [...groups]
    .flatMap(([entity, group]) => {
      const layout = layoutByEntity.get(entity)
      return layout === undefined ? [] : [{ layout, records: group }]
    })
    .sort((a, b) => a.layout.ordinal - b.layout.ordinal)
}

/** Staged or put: PostgreSQL has the rows, and nothing is decided. */
const rowsCopied = () => failpoint('sink.after-copy')

/** Stages them, and writes what is newer than what stands. */
const mergeAsUsual = async (
  client: PoolClient,
  layout: Layout,
  records: readonly BatchRecord[],
  refused: Refused[],
): Promise<EntityOutcomes> => {
  if (records.length === 0) return { layout, records, letters: [], doubtful: [] }
  const staged = await stage(client, layout, records)
  await rowsCopied()
  const { letters, doubtful, refused: refusedRows } = await mergeStaged(client, layout)
  refused.push(...staged.refused)
  for (const [pos, why] of refusedRows) {
    const record = staged.records[pos]
    if (record !== undefined) refused.push({ record, why })
  }
  return { layout, records: staged.records, letters, doubtful }
}

const NO_RECORDS: ReadonlySet<BatchRecord> = new Set()

/** With records that are settled already behind them. A deletion that was only told, of what was never there, is to be asked for. */
const withSettled = (usual: EntityOutcomes, more: readonly BatchRecord[], letter: 'n' | 'u'): EntityOutcomes => {
  if (more.length === 0) return usual
  const { layout, records, letters, doubtful } = usual
  const told = more.flatMap(({ encoded }, n) => (encoded.deleted && isHint(encoded) ? [records.length + n] : []))
  return {
    layout,
    records: [...records, ...more],
    letters: [...letters, ...more.map(() => letter)],
    doubtful: [...doubtful, ...told],
  }
}

interface Experience {
  readonly expectation: Expectation
  /** What is to be learned once the transaction is committed: another attempt at it is to find all as it was. */
  readonly lessons: (() => void)[]
}

const mergeEntity = async (
  client: PoolClient,
  layout: Layout,
  records: readonly BatchRecord[],
  refused: Refused[],
  { expectation, lessons }: Experience,
): Promise<EntityOutcomes> => {
  const { fresh, familiar, others } = expectation.share(layout.entity, records)
  const put = fresh.length === 0 ? undefined : await putNew(client, layout, fresh)
  if (put === 'put') await rowsCopied()
  const unchanged = familiar.length === 0 ? NO_RECORDS : await findUnchanged(client, layout, familiar)
  const open = put === 'put' ? others : records.filter((record) => !unchanged.has(record))
  const usual = await mergeAsUsual(client, layout, open, refused)
  const outcomes = put === 'put' ? withSettled(usual, fresh, 'n') : withSettled(usual, [...unchanged], 'u')
  const became = new Map(outcomes.records.map((record, pos) => [record, outcomes.letters[pos] ?? 's']))
  lessons.push(() => expectation.learn(layout.entity, records, became, put))
  return outcomes
}

const mergeEntities = async (
  client: PoolClient,
  all: readonly BatchRecord[],
  refused: Refused[],
  experience: Experience,
): Promise<readonly EntityOutcomes[]> => {
  const merged: EntityOutcomes[] = []
  for (const { layout, records } of byLayout(all)) merged.push(await mergeEntity(client, layout, records, refused, experience))
  return merged
}

const parkEntities = async (
  client: PoolClient,
  entities: readonly EntityOutcomes[],
  moves: Move[],
): Promise<EntityOutcomes[]> => {
  const settled: EntityOutcomes[] = []
  for (const entity of entities) {
    if (!entity.letters.includes('p')) settled.push(entity)
    else {
      const parked = await park(client, entity)
      moves.push(...parked.moves)
      settled.push({ ...entity, letters: parked.letters, doubtful: [...entity.doubtful, ...parked.doubtful] })
    }
  }
  return settled
}

const NONE: Readonly<Record<Outcome, number>> = { merged: 0, unchanged: 0, stale: 0, parked: 0, dead: 0 }

const createTally = () => {
  const counts = { ...NONE }
  const outcomes = new Map<string, Record<Outcome, number>>()
  return {
    counts,
    outcomes,
    add: (entity: string, outcome: Outcome): void => {
      // A dead letter may name anything as its entity; there are to be few.
      const known = layoutByEntity.has(entity) ? entity : 'unknown'
      const own = outcomes.get(known) ?? { ...NONE }
      outcomes.set(known, own)
      own[outcome]++
      counts[outcome]++
    },
  }
}

/** Letters for the register. One that answers a replay is none of its own unless that replay was waited for. */
const lettersOf = ({ deadLetters }: MergeBatch, replays: SettledReplays) =>
  deadLetters.flatMap(({ letter }) => {
    const round = letter.replays === undefined ? 0 : replays.nextRound(letter.replays)
    return round === undefined ? [] : [{ ...letter, round }]
  })

/** What the batch asks for itself, what is in doubt, and the parents that a record of no run is parked for. */
const asksOf = (batch: MergeBatch, entities: readonly EntityOutcomes[]): readonly NewAsk[] => {
  const doubted = entities.flatMap(({ records, doubtful }) => doubtful.flatMap((pos) => records[pos] ?? []).map(askOf))
  const parents = entities.flatMap(({ layout, records, letters }) =>
    records.flatMap((record, pos) => (letters[pos] === 'p' && record.page === undefined ? parentAsksOf(layout, record) : [])),
  )
  return [...[...batch.asks, ...doubted].map((ask) => ({ ...ask, why: 'hint' as const })), ...parents]
}

/** What is known from earlier batches. */
interface MergeMemory extends Experience {
  readonly counted: CountedRanges
}

/** Of a batch of more, others follow: who waits for the last record is not told of each. */
const FEW_RECORDS = 1_000

const settle = async (client: PoolClient, whole: MergeBatch, { counted, ...experience }: MergeMemory): Promise<MergeResult> => {
  const { batch, dropped } = await withoutForgotten(client, whole)
  const moves: Move[] = []
  const refused: Refused[] = []
  const entities = await parkEntities(client, await mergeEntities(client, batch.records, refused, experience), moves)
  const tally = createTally()
  const book = createOutcomeBook()
  const answers: Answer[] = []
  const end = (record: Placed, entity: string, outcome: Outcome, replays: string | undefined): void => {
    tally.add(entity, outcome)
    book.mark(record, outcome)
    if (replays !== undefined) answers.push({ place: replays, outcome })
  }
  for (const { records, letters } of entities)
    for (const [pos, record] of records.entries()) {
      const letter = letters[pos] ?? 's'
      if (letter !== 'x') end(record, record.entity, OUTCOME_OF[letter], record.original.replays)
    }
  for (const loser of batch.losers) end(loser, loser.entity, loser.outcome, loser.replays)
  for (const dead of batch.deadLetters) {
    end(dead, dead.letter.entity, 'dead', dead.letter.replays && encodePlace(dead.letter.replays))
  }
  // What it says is not used: the API is asked, and its answer comes as any other.
  for (const { replays } of batch.asks) if (replays !== undefined) answers.push({ place: replays, outcome: 'stale' })

  const replays = await settleReplays(client, answers)
  await recordDeadLetters(client, lettersOf(batch, replays))
  await recordSeen(client, await seenOf(client, batch, counted))
  const landings = book.landings()
  await recordLandings(client, landings)
  if (landings.length > 0 && batch.records.length < FEW_RECORDS) await signalProgress(client)
  await reviveOutcomes(client, replays.revivals)
  await moveOutcomes(client, moves)
  await recordAsks(client, asksOf(batch, entities))
  await failpoint('sink.after-merge')
  return { entities, refused, dropped, counts: tally.counts, outcomes: tally.outcomes }
}

/**
 * Merges a batch, less what PostgreSQL refuses, and records what became of each record. Throws what else PostgreSQL throws; nothing
 * of the batch is then in the tables. Deadlocks and serialization failures have been tried again.
 */
export const mergeBatch = async (
  pool: Pool,
  batch: MergeBatch,
  counted: CountedRanges,
  expectation: Expectation = createExpectation(),
): Promise<MergeResult> => {
  let lessons: (() => void)[] = []
  const result = await inSession(pool, (client) => {
    lessons = []
    return settle(client, batch, { counted, expectation, lessons })
  })
  for (const learn of lessons) learn()
  return result
}
