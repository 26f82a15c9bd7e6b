// What the harness prints: a line per case, what is wrong below it with the command that repeats it; and the logs that it keeps.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHECKS, type CheckName } from './checks.ts'

export interface Outcome {
  readonly id: string
  readonly seed: number
  readonly long: boolean
  readonly faults: readonly string[]
  readonly records: number
  readonly seconds: number
  /** From the last fault, or its end, to the end of the run. */
  readonly secondsAfter: number
  readonly wrong: Partial<Record<CheckName, string>>
  /** It could not be judged: faults that did not strike, a run that hung. */
  readonly error: string | undefined
  readonly logs: readonly { readonly name: string; readonly text: string }[]
}

export const LOGS = '.faults'

export const hasPassed = ({ wrong, error }: Outcome): boolean => error === undefined && Object.keys(wrong).length === 0

export const heading = (): string =>
  [
    'CASE'.padEnd(40),
    'SEED'.padStart(10),
    'FAULTS'.padStart(6),
    'RECORDS'.padStart(8),
    'SECONDS'.padStart(7),
    'AFTER'.padStart(5),
    ...CHECKS,
  ].join('  ')

const mark = ({ wrong, error }: Outcome, name: CheckName): string => {
  if (wrong[name] !== undefined) return '--'
  return error === undefined ? 'ok' : '? '
}

const repeat = ({ id, seed, long }: Outcome): string =>
  `npm run test:faults -- --case ${id} --seed ${seed}${long ? ' --long' : ''}`

export const lineOf = (outcome: Outcome): string => {
  const { id, seed, faults, records, seconds, secondsAfter } = outcome
  const numbers = [
    String(seed).padStart(10),
    String(faults.length).padStart(6),
    String(records).padStart(8),
    seconds.toFixed(1).padStart(7),
    secondsAfter.toFixed(0).padStart(5),
  ]
  return [id.padEnd(40), ...numbers, ...CHECKS.map((name) => mark(outcome, name))].join('  ')
}

const MAX_TOLD = 30

const struckText = (faults: readonly string[]): string => {
  const told = faults.slice(0, MAX_TOLD).join(', ') || 'nothing'
  return faults.length <= MAX_TOLD ? told : `${told} and ${faults.length - MAX_TOLD} more`
}

/** Keeps the logs of a case that failed, and says where. */
export const reasonsOf = (outcome: Outcome): readonly string[] => {
  const dir = join(LOGS, `${outcome.id.replaceAll(/[^\w.-]+/g, '-')}-${outcome.seed}`)
  mkdirSync(dir, { recursive: true })
  for (const { name, text } of outcome.logs) writeFileSync(join(dir, `${name}.log`), text)
  return [
    ...(outcome.error === undefined ? [] : [`  ${outcome.error}`]),
    ...Object.entries(outcome.wrong).map(([name, what]) => `  ${name}: ${what}`),
    `  struck: ${struckText(outcome.faults)}`,
    `  repeat: ${repeat(outcome)}`,
    `  logs:   ${dir}`,
  ]
}
