// `syncline dlq drop`: says of dead letters that nothing will come of them. The register keeps them, with who, when and why.
import { Command } from 'commander'
import { recordDrop } from '../ledger/dead-letter-actions.ts'
import { countLetters, findLetters, type LetterFilter } from '../ledger/dead-letter-search.ts'
import { SynclineError } from '../platform/errors.ts'
import { inTransaction } from '../platform/postgres.ts'
import { operatorActor } from './actor.ts'
import { byOrg, chooseLetters, type LetterFilterOptions, letterId, requireAll, withFilters } from './letter-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { count } from './words.ts'

const TEXT = `
Only open letters are dropped. Nothing is deleted: \`syncline dlq list --state dropped\` shows them with the reason, and
\`syncline dlq replay ID\` takes one back. In the ledger of its run the record stays dead.

Examples:
  $ syncline dlq drop 0/17 --reason 'test data of the vendor' --yes
  $ syncline dlq drop --org acme --entity email --code missing-id --reason 'see ticket 4711' --yes`

interface DropOptions extends LetterFilterOptions {
  readonly reason: string
  readonly yes?: boolean
  readonly json?: boolean
}

export const dropCommand = (): Command =>
  withFilters(new Command('drop'))
    .description('say of dead letters that nothing will come of them')
    .argument('[id...]', 'partition/offset, as `dlq list` prints it')
    .requiredOption('--reason <text>', 'why; it is kept with the letters')
    .option('--yes', 'really; without it, only how many it would be')
    .option('--json', 'one JSON line for each')
    .addHelpText('after', TEXT)
    .action((ids: string[], options: DropOptions) => withLedger((runtime) => drop(runtime, ids, options)))

const DROPPED_AT_ONCE = 10_000
const MAX_REASON = 500

const checkReason = (reason: string): string => {
  const text = reason.trim()
  if (text !== '' && text.length <= MAX_REASON) return text
  throw new SynclineError('usage', `A reason has 1 to ${MAX_REASON} characters.`)
}

const drop = async (runtime: Runtime, ids: readonly string[], options: DropOptions): Promise<void> => {
  const reason = checkReason(options.reason)
  const { filter, byId } = await chooseLetters(runtime, ids, options, { byId: ['open'], byFilter: ['open'] })
  const matching = await countLetters(runtime.pool, filter)
  if (byId) requireAll(filter, await findLetters(runtime.pool, filter, ids.length))
  if (matching === 0) return say('No dead letter matches that is open.')
  if (!options.yes) {
    throw new SynclineError('usage', `This would drop ${count(matching, 'dead letter')}.`, {
      remedy: 'If that is what you want, say it again with --yes.',
      details: { matching },
    })
  }
  const dropped = await dropAll(runtime, filter, reason, options.json === true)
  say(`${count(dropped, 'dead letter')} dropped. See them with: syncline dlq list --state dropped`)
}

/** What is dropped is not open any more, so each round finds others. */
const dropAll = async ({ pool }: Runtime, filter: LetterFilter, reason: string, json: boolean): Promise<number> => {
  let dropped = 0
  for (;;) {
    const letters = await findLetters(pool, filter, DROPPED_AT_ONCE)
    if (letters.length === 0) return dropped
    for (const [orgId, places] of byOrg(letters)) {
      dropped += await inTransaction(pool, (client) => recordDrop(client, { orgId, places, actor: operatorActor(), reason }))
    }
    if (json)
      for (const letter of letters) printJson({ type: 'dead-letter-drop', id: letterId(letter), org: letter.orgId, reason })
  }
}
