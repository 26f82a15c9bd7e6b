// `syncline state export`: the state as JSON lines on stdout, the first of which says what the file is.
import { Command } from 'commander'
import { databaseTime } from '../ledger/database-time.ts'
import { inTransaction } from '../platform/postgres.ts'
import { requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { readState } from './state-parts.ts'
import { printJson, say } from './terminal.ts'
import { count } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline state export > state.jsonl
  $ syncline state export --org acme | jq -c 'select(.type == "schedule")'`

export const STATE_TYPE = 'syncline-state'
export const STATE_VERSION = 1

interface ExportOptions {
  readonly org?: string
}

export const stateExportCommand = (): Command =>
  new Command('export')
    .description('write schedules, field rules and watermarks to stdout, one JSON object a line')
    .option('--org <id>', 'of one organisation')
    .addHelpText('after', EXAMPLES)
    .action((options: ExportOptions) => withLedger((runtime) => exportState(runtime, options)))

const exportState = async (runtime: Runtime, { org }: ExportOptions): Promise<void> => {
  if (org !== undefined) await requireOrg(runtime, org)
  // One moment of all: what changes meanwhile is in it whole or not at all.
  const begin = 'begin isolation level repeatable read read only'
  const [at, lines] = await inTransaction(
    runtime.pool,
    async (client) => [await databaseTime(client), await readState(client, org)] as const,
    { begin },
  )
  printJson({ type: STATE_TYPE, version: STATE_VERSION, exportedAt: at.toISOString() })
  for (const line of lines) printJson(line)
  say(`${count(lines.length, 'line')} of state.`)
}
