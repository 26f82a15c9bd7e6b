// Staged rows into the table: COPY, judge each row against the one that stands, write what is newer. Locks in order of ids.
// What PostgreSQL refuses is put aside in the same transaction; our own encoder leaves it little to refuse (copy.ts).
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { SynclineError } from '../../platform/errors.ts'
import { type PoolClient, type Queryable, refusalOf } from '../../platform/postgres.ts'
import type { BatchRecord, PageRef } from '../batch.ts'
import { CopyBuffer, type Piece } from './copy-buffer.ts'
import { copyRows } from './copy-rows.ts'
import { copyStatement } from './ddl.ts'
import { type Layout, ORIGIN_COLUMNS, PAGE_COLUMNS } from './layout.ts'
import { putWhatIsHeld } from './put.ts'
import { refusalIn } from './refusal.ts'
import { emptyStaging } from './session.ts'
import { judgeStatement, type OutcomeLetter } from './statements.ts'

type StagedRecord = Pick<BatchRecord, 'encoded' | 'page' | 'index'>

const PAGE_SLAB_BYTES = 16 * 1024
/** So many records need no slab of a megabyte. */
const FEW_RECORDS = 64
const FEW_SLAB_BYTES = 32 * 1024

const pageFields = (out: CopyBuffer, page: PageRef | undefined): Piece => {
  if (page === undefined) for (const _ of PAGE_COLUMNS) out.nothing()
  else {
    out.uuid(page.runId)
    out.int(page.rangeId)
    out.int(page.page)
    out.int(page.attempt)
  }
  return out.take()
}

/** The rows as binary COPY, numbered in their order from `firstPos`. */
export const copyChunks = (layout: Layout, records: readonly StagedRecord[], firstPos = 0): Generator<Buffer> => {
  const fieldCount = layout.record.length + ORIGIN_COLUMNS.length + 1
  const pages = new Map<PageRef | undefined, Piece>()
  const pageOut = new CopyBuffer(PAGE_SLAB_BYTES)
  let pos = firstPos
  const write = (out: CopyBuffer, { encoded, page, index }: StagedRecord): void => {
    const fields = pages.get(page) ?? pageFields(pageOut, page)
    pages.set(page, fields)
    out.fieldCount(fieldCount)
    out.copy(encoded.row)
    out.copy(fields)
    if (page === undefined) out.nothing()
    else out.int(index)
    out.int(pos++)
  }
  return copyRows(records, write, records.length > FEW_RECORDS ? undefined : FEW_SLAB_BYTES)
}

/** A record that PostgreSQL does not take; why, as `refusalOf` says it. */
export interface Refused {
  readonly record: BatchRecord
  readonly why: string
}

export interface Staged {
  /** Numbered in their order from 0. */
  readonly records: readonly BatchRecord[]
  readonly refused: readonly Refused[]
}

/** Which row of a COPY was refused, from 1: PostgreSQL says it in the error's context. */
const refusedRow = (error: unknown): number | undefined => {
  const where = error instanceof Error && 'where' in error ? /^COPY \w+, line (\d+)/.exec(String(error.where)) : null
  return where === null ? undefined : Number(where[1])
}

/** Records of the COPY after one that was refused: it says nothing of those behind it, and what it was sent of them was for nothing. */
const FIRST_PROBE = 16

/** COPYs the records into the staging table. Those that are refused are left out, at the cost of two small COPYs each. */
export const stage = async (client: PoolClient, layout: Layout, all: readonly BatchRecord[]): Promise<Staged> => {
  const records: BatchRecord[] = []
  const refused: Refused[] = []
  const copy = async (some: readonly BatchRecord[]): Promise<void> => {
    const chunks = copyChunks(layout, some, records.length)
    await pipeline(Readable.from(chunks), client.query(copyFrom(copyStatement(layout))))
  }
  await emptyStaging(client, layout, all.length)
  for (let from = 0, probe = all.length; from < all.length; ) {
    const tried = all.slice(from, from + probe)
    const error = await refusalIn(client, () => copy(tried))
    const row = error === undefined ? tried.length + 1 : refusedRow(error)
    const record = row === undefined ? undefined : tried[row - 1]
    if (row === undefined || (error !== undefined && record === undefined)) throw error
    const held = tried.slice(0, row - 1)
    if (record !== undefined) {
      if (held.length > 0) await copy(held)
      refused.push({ record, why: refusalOf(error) })
    }
    for (const each of held) records.push(each)
    from += record === undefined ? tried.length : row
    probe = record === undefined ? probe * 4 : FIRST_PROBE
  }
  return { records, refused }
}

interface Judged {
  readonly letters: readonly OutcomeLetter[]
  /** By `pos`. */
  readonly doubtful: readonly number[]
}

const judge = async (client: Queryable, layout: Layout): Promise<Judged> => {
  const { rows } = await client.query<{ outcomes: string | null; doubtful: number[] | null }>(judgeStatement(layout))
  // The statement's own letters, one per staged row.
  return { letters: [...(rows[0]?.outcomes ?? '')] as OutcomeLetter[], doubtful: rows[0]?.doubtful ?? [] }
}

const positionsOf = (letters: readonly OutcomeLetter[], wanted: (letter: OutcomeLetter) => boolean): number[] =>
  letters.flatMap((letter, pos) => (wanted(letter) ? [pos] : []))

const isWritten = (letter: OutcomeLetter): boolean => letter === 'n' || letter === 'm' || letter === 'r'

export interface MergedStaged {
  /** One per staged row, in order of `pos`. */
  readonly letters: readonly OutcomeLetter[]
  /** Why each row with 'x' was refused, by `pos`. */
  readonly refused: ReadonlyMap<number, string>
  /** Rows, by `pos`, that are to be asked for by id: nothing says whether they or what stands is later. */
  readonly doubtful: readonly number[]
}

/** Writes what is staged and newer. Rows with 'p' are left to the caller. */
export const mergeStaged = async (client: PoolClient, layout: Layout): Promise<MergedStaged> => {
  const judged = await judge(client, layout)
  const positions = positionsOf(judged.letters, isWritten)
  const { rowCount, refused } = await putWhatIsHeld(client, layout, positions, judged.letters.length)
  const letters = refused.size === 0 ? judged.letters : judged.letters.map((letter, pos) => (refused.has(pos) ? 'x' : letter))
  const now = await confirmed(client, layout, letters, rowCount)
  const doubtful = new Set([...judged.doubtful, ...now.doubtful])
  return { letters: now.letters, refused, doubtful: [...doubtful].filter((pos) => !refused.has(pos)) }
}

/** The letters as they are now that `rowCount` rows were written: another merge may have come between. */
const confirmed = async (
  client: Queryable,
  layout: Layout,
  letters: readonly OutcomeLetter[],
  rowCount: number,
): Promise<Judged> => {
  const expected = letters.reduce((sum, letter) => (isWritten(letter) ? sum + 1 : sum), 0)
  if (rowCount === expected) return { letters, doubtful: [] }
  // Of the rows that another came before, what is stale now was not written.
  const now = await judge(client, layout)
  // Whatever the reason: a record is never said to be merged when it is not there. The transaction is given up (invariant 1).
  const again = now.letters.some((letter, pos) => isWritten(letter) && isWritten(letters[pos] ?? 's'))
  if (now.letters.length !== letters.length || again) {
    throw new SynclineError('internal', `Of ${expected} records of ${layout.entity}, PostgreSQL wrote ${rowCount}.`)
  }
  return {
    letters: letters.map((letter, pos) => (isWritten(letter) && now.letters[pos] === 's' ? 's' : letter)),
    doubtful: now.doubtful,
  }
}
