// Rows as binary COPY, in chunks.
import { CopyBuffer, type Piece } from './copy-buffer.ts'

const CHUNK_BYTES = 256 * 1024
const SIGNATURE = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const HEADER: Piece = { slab: SIGNATURE, start: 0, end: SIGNATURE.length }
const END_OF_ROWS = -1

/** `write` writes the fields of a row, their count first. */
export function* copyRows<Row>(
  rows: Iterable<Row>,
  write: (out: CopyBuffer, row: Row) => void,
  slabBytes?: number,
): Generator<Buffer> {
  const out = new CopyBuffer(slabBytes)
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
