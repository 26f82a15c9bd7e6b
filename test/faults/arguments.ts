// The arguments of the harness: [--case ID]… [--long] [--seed N] [--lanes N].
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { suggest } from '../../platform/suggest.ts'
import type { FaultCase } from './case.ts'

export interface Arguments {
  readonly cases: readonly FaultCase[]
  readonly long: boolean
  readonly seed: number
  /** Cases at once. */
  readonly lanes: number
}

const DEFAULT_LANES = 3

/** `F2` is all cases of the family in this column, `F2/sink` one of either. Throws for what is not there, naming the nearest. */
export const readArguments = (args: readonly string[], all: readonly FaultCase[]): Arguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      case: { type: 'string', multiple: true, default: [] },
      long: { type: 'boolean', default: false },
      seed: { type: 'string' },
      lanes: { type: 'string' },
    },
  })
  const column = all.filter(({ longOnly }) => values.long || !longOnly)
  const cases = values.case.length === 0 ? column : values.case.flatMap((id) => casesOf(id, all, column))
  const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : whole('--seed', values.seed)
  const lanes = values.lanes === undefined ? DEFAULT_LANES : whole('--lanes', values.lanes)
  return { cases, long: values.long, seed, lanes: Math.min(lanes, cases.length) }
}

const casesOf = (id: string, all: readonly FaultCase[], column: readonly FaultCase[]): readonly FaultCase[] => {
  const found = [...all.filter((test) => test.id === id), ...column.filter((test) => test.id.startsWith(`${id}/`))]
  if (found.length > 0) return found
  throw new Error(`There is no case ${id}. ${suggest(id, [...all.map((test) => test.id)])}`)
}

const whole = (name: string, text: string): number => {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text)
  throw new Error(`${name} is a whole number, not ${text}`)
}
