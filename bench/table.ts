// Rows of one work as the lines of a table; and of several builds that took turns, their ratio with its spread. Pure.
import { type Column, renderColumns } from '../cli/columns.ts'
import { type Build, type Figures, type Row, rounded } from './work.ts'

export interface Measured extends Row {
  readonly build: string
  readonly round: number
}

const column = (title: string, cell: (row: Measured) => string | number): Column<Measured> => ({ title, cell })

const figureNames = (rows: readonly Measured[]): readonly string[] => [
  ...new Set(rows.flatMap(({ figures }) => Object.keys(figures))),
]

/** Builds and rounds have columns where there are several. */
export const tableOf = (rows: readonly Measured[]): readonly string[] => {
  const isMany = new Set(rows.map(({ build }) => build)).size > 1
  const turns = isMany ? [column('build', ({ build }) => build), column('round', ({ round }) => round)] : []
  return renderColumns(
    [
      column('pass', ({ pass }) => pass),
      ...turns,
      ...figureNames(rows).map((name) => column(name, ({ figures }) => figures[name] ?? '')),
    ],
    rows,
  )
}

const COMPARED = ['records/s', 'records/CPU s'] as const

const median = (sorted: readonly number[]): number => {
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}

export interface Ratio {
  readonly pass: string
  readonly figure: string
  readonly median: number
  readonly least: number
  readonly most: number
}

const numberOf = (figures: Figures | undefined, name: string): number => Number(figures?.[name] ?? Number.NaN)

/** Of `build` to `base`, round by round: what stands in one round was measured in the same minutes. */
export const ratiosOf = (rows: readonly Measured[], build: Build, base: Build): readonly Ratio[] =>
  [...new Set(rows.map(({ pass }) => pass))].flatMap((pass) => {
    const of = ({ name }: Build) => rows.filter((row) => row.pass === pass && row.build === name)
    return COMPARED.flatMap((figure): Ratio[] => {
      const others = new Map(of(base).map(({ round, figures }) => [round, numberOf(figures, figure)]))
      const ratios = of(build)
        .map(({ round, figures }) => numberOf(figures, figure) / (others.get(round) ?? Number.NaN))
        .filter(Number.isFinite)
        .toSorted((a, b) => a - b)
      if (ratios.length === 0) return []
      return [{ pass, figure, median: median(ratios), least: ratios[0] ?? Number.NaN, most: ratios.at(-1) ?? Number.NaN }]
    })
  })

export const ratioLine = ({ pass, figure, median: middle, least, most }: Ratio, build: Build, base: Build): string =>
  `${pass}: ${figure} of ${build.name} is ${rounded(middle, 2)} × that of ${base.name} (${rounded(least, 2)} to ${rounded(most, 2)})`
