// Staged rows into the table: COPY, judge each row against the one that stands, write what is newer. Locks in order of ids.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import type { PoolClient, Queryable } from '../../platform/postgres.ts'
import type { BatchRecord } from '../batch.ts'
import { copyStatement } from './ddl.ts'
import type { Layout } from './layout.ts'
import { emptyStaging } from './session.ts'
import { judgeStatement, type OutcomeLetter, putStatement } from './statements.ts'

const CHUNK_RECORDS = 1_000
const NO_ORIGIN = '\\N\t\\N\t\\N\t\\N\t\\N'

const originText = ({ page, index }: BatchRecord): string =>
  page === undefined ? NO_ORIGIN : `${page.runId}\t${page.rangeId}\t${page.page}\t${page.attempt}\t${index}`

function* copyChunks(records: readonly BatchRecord[]): Generator<Buffer> {
  let text = ''
  for (const [pos, record] of records.entries()) {
    text += `${record.line}\t${originText(record)}\t${pos}\n`
    if (pos % CHUNK_RECORDS === CHUNK_RECORDS - 1) {
      yield Buffer.from(text)
      text = ''
    }
  }
  if (text !== '') yield Buffer.from(text)
}

/** COPYs the records into the staging table, numbered in their order from 0. */
export const stage = async (client: PoolClient, layout: Layout, records: readonly BatchRecord[]): Promise<void> => {
  await emptyStaging(client, layout, records.length)
  await pipeline(Readable.from(copyChunks(records)), client.query(copyFrom(copyStatement(layout))))
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
  const { rowCount } = await client.query(putStatement(layout, !all), all ? [] : [written])
  if (rowCount === written.length) return letters
  // A concurrent merge came between the two statements. Of those rows, what is stale now was not written.
  const now = await judge(client, layout)
  return letters.map((letter, pos) => (isWritten(letter) && now[pos] === 's' ? 's' : letter))
}
