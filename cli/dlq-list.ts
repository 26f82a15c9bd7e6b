// `syncline dlq list`: dead letters by cause, and the newest of them one by one.
import { Command, Option } from 'commander'
import { countLetters, findLetters, letterCauses } from '../ledger/dead-letter-search.ts'
import { painterFor } from './color.ts'
import { renderColumns } from './columns.ts'
import {
  filterOf,
  type LetterFilterOptions,
  letterId,
  STATE_CHOICES,
  type StateChoice,
  statesOf,
  withFilters,
} from './letter-choice.ts'
import { causeFacts, causeText, LETTER_COLUMNS, letterFacts, unreplayable } from './letter-lines.ts'
import { parseLimit } from './runs.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'
import { count } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline dlq list
  $ syncline dlq list --org acme --entity person --state all
  $ syncline dlq list --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json | jq -r 'select(.type == "dead-letter") | .id'`

interface ListOptions extends LetterFilterOptions {
  readonly state: StateChoice
  readonly limit: number
  readonly json?: boolean
}

export const listCommand = (): Command =>
  withFilters(new Command('list'))
    .description('dead letters by cause, then one by one, newest first')
    .addOption(
      new Option('--state <state>', 'open: nothing has come of them yet, replays under way included')
        .choices([...STATE_CHOICES])
        .default('open'),
    )
    .option('--limit <n>', 'so many causes and letters at most', parseLimit, 20)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: ListOptions) => withLedger((runtime) => list(runtime, options)))

const list = async (runtime: Runtime, options: ListOptions): Promise<void> => {
  const { pool } = runtime
  const filter = await filterOf(runtime, options, statesOf(options.state))
  const [causes, letters] = [await letterCauses(pool, filter, options.limit), await findLetters(pool, filter, options.limit)]
  if (options.json) {
    for (const cause of causes) printJson(causeFacts(cause))
    for (const letter of letters) printJson(letterFacts(letter))
    return
  }
  if (letters.length === 0) return say(`There are no dead letters${options.state === 'all' ? '' : ` that are ${options.state}`}.`)
  const total = await countLetters(pool, filter)
  const paint = painterFor(process.stdout)
  print([`${count(total, 'dead letter')}, by cause:`, ...causes.map(causeText), '', ''].join('\n'))
  print(renderColumns(LETTER_COLUMNS, letters, { width: stdoutWidth(), paint }).join('\n'))
  if (total > letters.length) say(`… and ${(total - letters.length).toLocaleString('en-US')} more; see them with --limit.`)
  if (letters.some((letter) => unreplayable(letter) === undefined))
    say('Look at one with: syncline dlq show ID; once the cause is mended, replay it with: syncline dlq replay ID')
  const cut = letters.find((letter) => letter.state === 'open' && unreplayable(letter) !== undefined)
  if (cut !== undefined) say(`${letterId(cut)} cannot be replayed. ${unreplayable(cut)}`)
}
