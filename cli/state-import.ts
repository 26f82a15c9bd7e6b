// `syncline state import`: a state file into the ledger, all of it or nothing.
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { z } from 'zod'
import { recordAudit } from '../ledger/audit.ts'
import { databaseTime } from '../ledger/database-time.ts'
import { type Connection, listConnections } from '../ledger/organisations.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { inTransaction, type PoolClient } from '../platform/postgres.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { STATE_TYPE, STATE_VERSION } from './state-export.ts'
import { type ImportOutcome, notValid, parseStateLine, type StateLine } from './state-parts.ts'
import { printJson, say } from './terminal.ts'
import { count } from './words.ts'

const TEXT = `
All of it is checked first, and imported in one transaction. A schedule of the same name gets the file's rule, and is due from now on as
that says; so does a field rule of the same attribute. A watermark is never moved backwards, unless --force says so: what lies between is
then read again. It says what the tables hold, so watermarks belong only where the rows came along.

Examples:
  $ syncline state import state.jsonl --dry-run
  $ syncline state import state.jsonl
  $ syncline state export | ssh other syncline state import - --json`

interface ImportOptions {
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

export const stateImportCommand = (): Command =>
  new Command('import')
    .description('read a file of `state export` into this installation')
    .argument('<file>', 'the file; -: standard input')
    .option('--force', 'move watermarks backwards too')
    .option('--dry-run', 'only say what it would do')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', TEXT)
    .action((file: string, options: ImportOptions) => withLedger((runtime) => importState(runtime, file, options)))

const MAX_BYTES = 64 * 1024 * 1024

const read = async (file: string): Promise<string> => {
  try {
    const content = file === '-' ? await text(process.stdin) : await readFile(file, 'utf8')
    if (content.length <= MAX_BYTES) return content
    throw new SynclineError('usage', `${file} has more than ${MAX_BYTES} bytes.`)
  } catch (cause) {
    if (cause instanceof SynclineError) throw cause
    throw new SynclineError('usage', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

const headerSchema = z.object({ type: z.literal(STATE_TYPE), version: z.literal(STATE_VERSION) })

/** Throws SynclineError('usage') naming the first line that is wrong. */
export const parseState = (content: string, file: string): readonly StateLine[] => {
  const [header, ...lines] = content
    .split('\n')
    .map((line, index) => ({ line, where: `Line ${index + 1} of ${file}` }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, where }) => ({ value: parseJson(line, where), where }))
  const checked = headerSchema.safeParse(header?.value)
  if (!checked.success) throw notValid(header?.where ?? file, checked.error)
  return lines.map(({ value, where }) => parseStateLine(value, where))
}

const parseJson = (line: string, where: string): unknown => {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw new SynclineError('usage', `${where} is not JSON.`, { cause, remedy: 'Nothing was imported.' })
  }
}

const connectionOf = (connections: readonly Connection[], { org, source, subject }: StateLine): Connection => {
  const found = connections.find((connection) => connection.orgId === org && (source === null || connection.source === source))
  if (found !== undefined) return found
  const [what, which] = source === null ? [org, ''] : [`${org}/${source}`, ` --source ${source}`]
  throw new SynclineError('usage', `${what}, which the ${subject} is about, is not connected here.`, {
    remedy: `Nothing was imported. Connect it first: syncline org add ${org}${which} --pat-stdin`,
  })
}

/** Thrown to undo what a dry run has done. */
class DryRun extends Error {}

const importState = async (runtime: Runtime, file: string, options: ImportOptions): Promise<void> => {
  const lines = parseState(await read(file), file)
  let outcomes: readonly ImportOutcome[] = []
  try {
    await inTransaction(runtime.pool, async (client) => {
      outcomes = await writeAll(client, lines, options)
      if (options.dryRun) throw new DryRun()
    })
  } catch (error) {
    if (!(error instanceof DryRun)) throw error
  }
  tell(lines, outcomes, options)
}

const writeAll = async (
  client: PoolClient,
  lines: readonly StateLine[],
  { force = false }: ImportOptions,
): Promise<readonly ImportOutcome[]> => {
  const [connections, now] = [await listConnections(client), await databaseTime(client)]
  const placed = lines.map((line) => ({ line, context: { connection: connectionOf(connections, line), now, force } }))
  for (const { line, context } of placed) line.check(context)
  const outcomes: ImportOutcome[] = []
  for (const { line, context } of placed) outcomes.push(await line.write(client, context))
  for (const org of new Set(lines.map((line) => line.org))) {
    const own = outcomes.filter((_, n) => lines[n]?.org === org)
    const facts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, own.filter((each) => each === outcome).length]))
    await recordAudit(client, { orgId: org, action: 'state.imported', subject: org, facts: { ...facts, force } })
  }
  return outcomes
}

const OUTCOMES: readonly ImportOutcome[] = ['added', 'changed', 'unchanged', 'kept']

const tell = (lines: readonly StateLine[], outcomes: readonly ImportOutcome[], { json, dryRun = false }: ImportOptions): void => {
  for (const [n, { type, org, source, subject }] of lines.entries()) {
    const outcome = outcomes[n] ?? 'unchanged'
    if (json) printJson({ type: 'state-import', part: type, org, ...(source !== null && { source }), subject, outcome, dryRun })
    else if (outcome === 'kept') say(`Kept as it is, because it is further on: ${subject}`)
  }
  const sums = OUTCOMES.map((outcome) => `${outcomes.filter((each) => each === outcome).length} ${outcome}`)
  say(`${dryRun ? 'It would be: ' : ''}${count(lines.length, 'line')}: ${sums.join(', ')}.`)
  if (outcomes.includes('kept')) say('To move watermarks backwards: syncline state import FILE --force')
}
