// Staged rows into the table: COPY, judge each row against the one that stands, write what is newer. Locks in order of ids.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { SynclineError } from '../../platform/errors.ts'
import { type PoolClient, plainArray, type Queryable } from '../../platform/postgres.ts'
import type { BatchRecord, PageRef } from '../batch.ts'
import { CopyBuffer, type Piece } from './copy-buffer.ts'
import { copyStatement } from './ddl.ts'
import { type Layout, ORIGIN_COLUMNS, PAGE_COLUMNS } from './layout.ts'
import { emptyStaging } from './session.ts'
import { judgeStatement, type OutcomeLetter, putStatement } from './statements.ts'

type StagedRecord = Pick<BatchRecord, 'encoded' | 'page' | 'index'>

const PAGE_SLAB_BYTES = 16 * 1024
const CHUNK_BYTES = 256 * 1024
const SIGNATURE = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const HEADER: Piece = { slab: SIGNATURE, start: 0, end: SIGNATURE.length }
const END_OF_ROWS = -1

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

/** Rows as binary COPY, in chunks: `write` writes the fields of one, their count first. */
export function* copyRows<Row>(rows: Iterable<Row>, write: (out: CopyBuffer, row: Row) => void): Generator<Buffer> {
  const out = new CopyBuffer()
  out.copy(HEADER)
  for (const row of rows) {
    write(out, row)
    if (out.length < CHUNK_BYTES) continue
    yield out.view()
    out.take()
  }
  out.fieldCount(END_OF_ROWS)
  yield out.view()
}

/** The rows as binary COPY, numbered in their order from 0. */
export const copyChunks = (layout: Layout, records: readonly StagedRecord[]): Generator<Buffer> => {
  const fieldCount = layout.record.length + ORIGIN_COLUMNS.length + 1
  const pages = new Map<PageRef | undefined, Piece>()
  const pageOut = new CopyBuffer(PAGE_SLAB_BYTES)
  let pos = 0
  return copyRows(records, (out, { encoded, page, index }) => {
    const fields = pages.get(page) ?? pageFields(pageOut, page)
    pages.set(page, fields)
    out.fieldCount(fieldCount)
    out.copy(encoded.row)
    out.copy(fields)
    if (page === undefined) out.nothing()
    else out.int(index)
    out.int(pos++)
  })
}

/** COPYs the records into the staging table, numbered in their order from 0. */
export const stage = async (client: PoolClient, layout: Layout, records: readonly BatchRecord[]): Promise<void> => {
  await emptyStaging(client, layout, records.length)
  await pipeline(Readable.from(copyChunks(layout, records)), client.query(copyFrom(copyStatement(layout))))
}

const judge = async (client: Queryable, layout: Layout): Promise<OutcomeLetter[]> => {
  const { rows } = await client.query<{ outcomes: string | null }>(judgeStatement(layout))
  // The statement's own letters, one per staged row.
  return [...(rows[0]?.outcomes ?? '')] as OutcomeLetter[]
}

const positionsOf = (letters: readonly OutcomeLetter[], wanted: (letter: OutcomeLetter) => boolean): number[] =>
  letters.flatMap((letter, pos) => (wanted(letter) ? [pos] : []))

const isWritten = (letter: OutcomeLetter): boolean => letter === 'm' || letter === 'r'

/** Writes what is staged and newer; one letter per staged row, in order of `pos`. Rows with 'p' are left to the caller. */
export const mergeStaged = async (client: Queryable, layout: Layout): Promise<readonly OutcomeLetter[]> => {
  const letters = await judge(client, layout)
  const written = positionsOf(letters, isWritten)
  if (written.length === 0) return letters
  const all = written.length === letters.length
  const { rowCount } = await client.query(putStatement(layout, !all), all ? [] : [plainArray(written)])
  if (rowCount === written.length) return letters
  // A concurrent merge came between the two statements. Of those rows, what is stale now was not written.
  const now = await judge(client, layout)
  // Whatever the reason: a record is never said to be merged when it is not there. The transaction is given up (invariant 1).
  if (now.length !== letters.length || now.some((letter, pos) => isWritten(letter) && isWritten(letters[pos] ?? 's'))) {
    throw new SynclineError('internal', `Of ${written.length} records of ${layout.entity}, PostgreSQL wrote ${rowCount}.`)
  }
  return letters.map((letter, pos) => (isWritten(letter) && now[pos] === 's' ? 's' : letter))
}
