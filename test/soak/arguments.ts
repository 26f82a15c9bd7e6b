// The arguments of the soak: [--minutes N] [--organisations N] [--people N] [--members N] [--kill-every S] [--every S] [--strategies A,B] [--seed N].
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { STRATEGIES, type Strategy } from '../../manifests/strategy.ts'

export interface Arguments {
  readonly minutes: number
  readonly organisations: number
  /** Simulated people of each. */
  readonly people: number
  /** Processes of each role. */
  readonly members: number
  readonly killEverySeconds: number
  /** How often a delta or full run is due; a reconciliation seldomer. */
  readonly everySeconds: number
  /** What is scheduled; with `reconcile` records are deleted at the vendor too. */
  readonly strategies: readonly Strategy[]
  readonly seed: number
}

/** So much later each organisation is due again for each that there is: two cores keep up with that. */
const SECONDS_PER_ORGANISATION = 2
const LEAST_EVERY_SECONDS = 20

export const readArguments = (args: readonly string[]): Arguments => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { ...text, default: '3' },
      organisations: { ...text, default: '20' },
      people: { ...text, default: '25' },
      members: { ...text, default: '1' },
      'kill-every': { ...text, default: '15' },
      every: text,
      strategies: { ...text, default: 'delta,reconcile' },
      seed: text,
    },
  })
  const organisations = whole('--organisations', values.organisations)
  const every = Math.max(LEAST_EVERY_SECONDS, organisations * SECONDS_PER_ORGANISATION)
  return {
    minutes: whole('--minutes', values.minutes),
    organisations,
    people: whole('--people', values.people),
    members: whole('--members', values.members),
    killEverySeconds: whole('--kill-every', values['kill-every']),
    everySeconds: values.every === undefined ? every : whole('--every', values.every),
    strategies: values.strategies.split(',').map(strategy),
    seed: values.seed === undefined ? randomInt(1, 2 ** 31) : whole('--seed', values.seed),
  }
}

const strategy = (name: string): Strategy => {
  const found = STRATEGIES.find((each) => each === name)
  if (found !== undefined) return found
  throw new Error(`There is no strategy ${name}`)
}

const whole = (name: string, text: string): number => {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text)
  throw new Error(`${name} is a whole number above 0, not ${text}`)
}
