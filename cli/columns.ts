// Tables as lines: columns as wide as their widest cell, numbers to the right; too wide a table gives up its least wanted columns.
import { type Paint, plain, type Style } from './color.ts'

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string | number
  readonly style?: (row: Row) => Style | undefined
  readonly align?: 'right'
  /** Of the last column: it may be cut short to so many characters before another column goes. */
  readonly min?: number
  /** Where space is short, columns go in this order, the smallest first; one without it stays. */
  readonly keep?: number
}

export interface TableOptions {
  /** Characters of a line at most. */
  readonly width?: number
  readonly paint?: Paint
}

const GAP = 2

interface Measured<Row> {
  readonly column: Column<Row>
  readonly cells: readonly string[]
  readonly right: boolean
  readonly width: number
}

const measure = <Row>(column: Column<Row>, rows: readonly Row[]): Measured<Row> => {
  const values = rows.map(column.cell)
  const cells = values.map((value) => (typeof value === 'number' ? value.toLocaleString('en-US') : value))
  const right = column.align === 'right' || (values.length > 0 && values.every((value) => typeof value === 'number'))
  return { column, cells, right, width: Math.max(column.title.length, ...cells.map((cell) => cell.length)) }
}

const leastWidth = (columns: readonly Measured<never>[]): number =>
  columns.reduce((sum, { width, column }) => sum + Math.min(width, column.min ?? width) + GAP, columns.length > 0 ? -GAP : 0)

/** Drops columns until the rest fits, or only those remain that must stay. */
const narrowed = <Row>(columns: readonly Measured<Row>[], width: number): readonly Measured<Row>[] => {
  if (leastWidth(columns) <= width) return columns
  const keeps = columns.flatMap(({ column }) => (column.keep === undefined ? [] : [column.keep]))
  if (keeps.length === 0) return columns
  const least = Math.min(...keeps)
  const last = columns.findLastIndex(({ column }) => column.keep === least)
  return narrowed(columns.toSpliced(last, 1), width)
}

export const truncate = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`

/** One line per row below a line of titles; only the last column may be cut short. */
export const renderColumns = <Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width = Number.POSITIVE_INFINITY, paint = plain }: TableOptions = {},
): readonly string[] => {
  const shown = narrowed(
    columns.map((column) => measure(column, rows)),
    width,
  )
  const line = (textOf: (column: Measured<Row>) => string, styleOf: (column: Column<Row>) => Style | undefined): string => {
    let left = width
    const parts = shown.map((measured, i) => {
      const room = Math.max(0, Math.min(measured.width, left))
      left -= measured.width + GAP
      const text = truncate(textOf(measured), room)
      const isLast = i === shown.length - 1
      const padded = measured.right ? text.padStart(room) : isLast ? text : text.padEnd(room)
      return room === 0 && i > 0 ? undefined : paint(padded, styleOf(measured.column))
    })
    return parts
      .filter((part) => part !== undefined)
      .join(' '.repeat(GAP))
      .trimEnd()
  }
  return [
    line(
      ({ column }) => column.title,
      () => 'dim',
    ),
    ...rows.map((row, n) =>
      line(
        ({ cells }) => cells[n] ?? '',
        ({ style }) => style?.(row),
      ),
    ),
  ]
}
