// Fields must come out the same however the slabs of the buffer divide them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CopyBuffer, type Piece } from '../../../sinks/postgres/copy-buffer.ts'

type Write = (out: CopyBuffer) => void

const field: fc.Arbitrary<Write> = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(
    (value): Write =>
      (out) =>
        out.int(value),
  ),
  fc.maxSafeInteger().map(
    (value): Write =>
      (out) =>
        out.bigint(value),
  ),
  fc.double().map(
    (value): Write =>
      (out) =>
        out.double(value),
  ),
  fc.boolean().map(
    (value): Write =>
      (out) =>
        out.boolean(value),
  ),
  fc.string({ unit: 'grapheme', maxLength: 90 }).map(
    (value): Write =>
      (out) =>
        out.text(value, () => undefined),
  ),
  fc.uint8Array({ maxLength: 90 }).map(
    (value): Write =>
      (out) =>
        out.bytes(Buffer.from(value)),
  ),
  fc.uuid().map(
    (value): Write =>
      (out) =>
        out.uuid(value),
  ),
  fc.jsonValue().map(
    (value): Write =>
      (out) =>
        out.json(JSON.stringify(value)),
  ),
  fc.constant<Write>((out) => out.nothing()),
  fc.constant<Write>((out) => out.fieldCount(7)),
)

const piecesOf = (slabBytes: number, rows: readonly (readonly Write[])[]): Buffer[] => {
  const out = new CopyBuffer(slabBytes)
  const pieces: Piece[] = rows.map((row) => {
    for (const write of row) write(out)
    return out.take()
  })
  // Read at the end only: an earlier piece must not be written to again.
  return pieces.map(({ slab, start, end }) => Buffer.from(slab.subarray(start, end)))
}

test('every piece has the same bytes in small slabs as in one large slab', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(field, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 16, max: 256 }),
      (rows, slabBytes) => {
        expect(piecesOf(slabBytes, rows)).toEqual(piecesOf(4 * 1024 * 1024, rows))
      },
    ),
    { numRuns: 500 },
  )
})
