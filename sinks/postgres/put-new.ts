// Records that are likely new, straight into their table: nothing is staged and judged, which is more than half of the work. A row that
// is there after all, a parent that is not, or whatever else is refused undoes it, and the records take the usual way (staging.ts).
// Must hold: rows are written, and so locked, in the order of their ids, as by the usual way.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { SynclineError } from '../../platform/errors.ts'
import { type PoolClient, sqlState } from '../../platform/postgres.ts'
import type { BatchRecord } from '../batch.ts'
import { CopyBuffer, type Piece } from './copy-buffer.ts'
import { copyRows } from './copy-rows.ts'
import { copyNewStatement } from './ddl.ts'
import { type Layout, RUN_COLUMNS } from './layout.ts'
import { isRefusal, refusalIn } from './refusal.ts'

/** feature_not_supported: COPY into a table with row security, by a role that does not own it. */
const NO_COPY = '0A000'
const RUN_SLAB_BYTES = 1024

const byId = (a: BatchRecord, b: BatchRecord): number => (a.encoded.id < b.encoded.id ? -1 : 1)

const runFields = (out: CopyBuffer, runId: string | undefined): Piece => {
  for (const _ of RUN_COLUMNS) {
    if (runId === undefined) out.nothing()
    else out.uuid(runId)
  }
  return out.take()
}

const rowChunks = (layout: Layout, records: readonly BatchRecord[]): Generator<Buffer> => {
  const fieldCount = layout.record.length + RUN_COLUMNS.length
  const runs = new Map<string | undefined, Piece>()
  const runOut = new CopyBuffer(RUN_SLAB_BYTES)
  return copyRows(records, (out, { encoded, page }) => {
    const fields = runs.get(page?.runId) ?? runFields(runOut, page?.runId)
    runs.set(page?.runId, fields)
    out.fieldCount(fieldCount)
    out.copy(encoded.row)
    out.copy(fields)
  })
}

/** `undone`: something was refused. `never`: the role may not, whatever the records are. */
export type Put = 'put' | 'undone' | 'never'

/** Writes all of the records, of distinct ids, as new rows; or none. */
export const putNew = async (client: PoolClient, layout: Layout, records: readonly BatchRecord[]): Promise<Put> => {
  const put = async (): Promise<void> => {
    const copy = client.query(copyFrom(copyNewStatement(layout)))
    await pipeline(Readable.from(rowChunks(layout, records.toSorted(byId))), copy)
    if (copy.rowCount === records.length) return
    throw new SynclineError('internal', `Of ${records.length} records of ${layout.entity}, PostgreSQL wrote ${copy.rowCount}.`)
  }
  const mayNot = (error: unknown) => sqlState(error) === NO_COPY
  const refusal = await refusalIn(client, put, (error) => isRefusal(error) || mayNot(error))
  if (refusal === undefined) return 'put'
  return mayNot(refusal) ? 'never' : 'undone'
}
