// `syncline verify`: shows that everything received by a run is accounted for, or page by page what is missing; or compares the
// tables with the API (verify-api.ts).
import { Command } from 'commander'
import { type MissingParents, missingParents } from '../ledger/parked.ts'
import { arePagesKept } from '../ledger/partitions.ts'
import { type EntityReport, type MissingPage, missingPages, runReport } from '../ledger/report.ts'
import { type MissingReceipt, missingReceipts } from '../ledger/run-detail.ts'
import { hasEnded, type Run } from '../ledger/runs.ts'
import { SynclineError } from '../platform/errors.ts'
import { type Paint, painterFor, type Style } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { requireRun } from './find-run.ts'
import { STATE_STYLE } from './live-table.ts'
import { parkedLine, parkedText } from './parked-lines.ts'
import { entityLine, runFacts } from './run-lines.ts'
import { parseLimit } from './runs.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { EXIT, print, printJson, say, stdoutWidth } from './terminal.ts'
import { judgeRun, type Verdict } from './verdict.ts'
import { type AgainstApiOptions, verifyAgainstApi } from './verify-api.ts'
import { count, numberList } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline verify --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071
  $ syncline verify --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json | jq '.missing'
  $ syncline verify --org acme --against-api                    # 200 records of each entity, from both sides
  $ syncline verify --org acme --against-api --all --entity person email
  $ syncline verify --org acme --against-api --sample 50 --json | jq '.entities[] | select(.differs > 0)'

Exit codes of --run: 0 the ledger closes, 3 it closes with exceptions (dead, parked or unproven), 1 it does not close,
6 it cannot be told: the pages of a run are kept for 30 days.

--against-api asks the API under its rate limit, together with all workers, and writes nothing. What the API has changed or made since
the last sync is told apart by its updated_at; records that have none, such as memberships, count as different. Exit codes: 0 all
equal, 3 there are differences, 4 the API refused the credential.`

interface VerifyOptions extends Omit<AgainstApiOptions, 'org'> {
  readonly run?: string
  readonly org?: string
  readonly againstApi?: boolean
}

export const verifyCommand = (): Command =>
  new Command('verify')
    .option('--run <id>', 'the run')
    .option('--org <id>', 'the organisation whose tables are compared')
    .option('--source <name>', 'which connected account, when there are several')
    .option('--against-api', 'compare the tables of --org with the API')
    .option('--sample <n>', 'so many records of each entity, from both sides', parseLimit, 200)
    .option('--all', 'every record instead of a sample')
    .option('--entity <names...>', 'only these')
    .option('--values', 'print the values that differ, not only their columns')
    .option('--limit <n>', 'so many missing pages and parents, or differing records of an entity, at most', parseLimit, 50)
    .option('--json', 'print the result as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((options: VerifyOptions) => withLedger((runtime) => chosen(options)(runtime)))

/** Throws SynclineError('usage') unless one of both is asked for, whole. */
const chosen = (options: VerifyOptions): ((runtime: Runtime) => Promise<void>) => {
  const { run, org, againstApi, limit, json } = options
  if (run !== undefined && org === undefined && !againstApi)
    return (runtime) => verify(runtime, { run, limit, ...(json && { json }) })
  if (run === undefined && org !== undefined && againstApi) return (runtime) => verifyAgainstApi(runtime, { ...options, org })
  throw new SynclineError('usage', 'Say what is to be verified: a run, or the tables of an organisation.', {
    remedy: 'Either --run ID, or --org ID --against-api.',
  })
}

type OfRun = Required<Pick<VerifyOptions, 'run' | 'limit'>> & Pick<VerifyOptions, 'json'>

interface Findings {
  readonly run: Run
  readonly entities: readonly EntityReport[]
  readonly missing: readonly MissingPage[]
  readonly receipts: readonly MissingReceipt[]
  readonly parked: MissingParents
  readonly judged: Verdict
}

const EXIT_OF: Readonly<Record<Verdict['verdict'], number>> = {
  closed: EXIT.ok,
  exceptions: EXIT.exceptions,
  open: EXIT.failed,
  'not-kept': EXIT.notKept,
}

const verify = async (runtime: Runtime, options: OfRun): Promise<void> => {
  const findings = await look(runtime, options)
  process.exitCode = EXIT_OF[findings.judged.verdict]
  if (options.json) return printJson(verifyLine(findings))
  if (findings.judged.verdict === 'not-kept') return say(verdictText(findings, painterFor(process.stderr)))
  const paint = painterFor(process.stdout)
  print(renderColumns(COLUMNS, findings.entities, { width: stdoutWidth(), paint }).join('\n'))
  for (const line of [...missingLines(findings), ...parkedText(findings.parked)]) print(line)
  say(verdictText(findings, painterFor(process.stderr)))
}

const look = async (runtime: Runtime, { run: runId, limit }: OfRun): Promise<Findings> => {
  const { pool } = runtime
  const run = await requireRun(runtime, runId)
  const entities = await runReport(pool, run.runId)
  const kept = await arePagesKept(pool, run.runId)
  const missing = await missingPages(pool, run.runId, limit)
  const receipts = kept ? await missingReceipts(pool, run.runId, limit) : []
  const parked = await missingParents(pool, run, { limit })
  return { run, entities, missing, receipts, parked, judged: judgeRun(run, entities, receipts.length, kept) }
}

const verifyLine = ({ run, entities, missing, receipts, parked, judged }: Findings) => ({
  ...runFacts(run),
  type: 'verify',
  ...judged,
  entities: entities.map((entity) => ({ ...entityLine(entity), missing: entity.missing, openPages: entity.openPages })),
  missing,
  missingReceipts: receipts,
  ...parkedLine(parked),
})

const outcome = (
  name: 'unchanged' | 'stale' | 'parked' | 'dead' | 'missing',
  keep: number,
  style?: Style,
): Column<EntityReport> => ({
  title: name.toUpperCase(),
  cell: (entity) => entity[name],
  style: (entity) => (entity[name] > 0 ? style : undefined),
  keep,
})

const COLUMNS: readonly Column<EntityReport>[] = [
  { title: 'ENTITY', cell: ({ entity }) => entity },
  { title: 'STATE', cell: ({ state }) => state, style: ({ state }) => STATE_STYLE[state] },
  { title: 'PAGES', cell: ({ pages }) => pages, keep: 3 },
  { title: 'RECORDS', cell: ({ fetched }) => fetched },
  { title: 'MERGED', cell: ({ merged }) => merged, keep: 4 },
  outcome('unchanged', 2),
  outcome('stale', 1),
  outcome('parked', 5, 'yellow'),
  outcome('dead', 6, 'red'),
  outcome('missing', 7, 'red'),
]

const pageLine = ({
  entity,
  rangeId,
  page,
  attempt,
  expected,
  missing,
  rawPartition,
  rawOffset,
  request,
}: MissingPage): string => {
  const which = missing.length === expected ? 'all' : numberList(missing)
  return [
    `${entity}, range ${rangeId}, page ${page} (attempt ${attempt}): ${missing.length} of ${count(expected, 'record')} missing (${which})`,
    `  raw page at partition ${rawPartition}, offset ${rawOffset}; request ${request}`,
  ].join('\n')
}

const missingLines = ({ entities, missing, receipts }: Findings): readonly string[] => {
  const open = entities.reduce((sum, { openPages }) => sum + openPages, 0)
  return [
    ...(missing.length === 0 ? [] : ['', 'Missing:', ...missing.map(pageLine)]),
    ...(open > missing.length ? [`… and ${count(open - missing.length, 'page')} more; see them with --limit ${open}`] : []),
    ...receipts.map(({ entity, rangeId, page }) => `${entity}, range ${rangeId}, page ${page}: no receipt`),
  ]
}

const verdictText = ({ run, judged }: Findings, paint: Paint): string => {
  const reasons = judged.reasons.join('; ')
  if (judged.verdict === 'closed') return paint('The ledger closes: every record of every page is accounted for.', 'green')
  if (judged.verdict === 'exceptions') return `${paint('The ledger closes with exceptions', 'yellow')}: ${reasons}.`
  if (judged.verdict === 'not-kept')
    return `${paint('It can no longer be told whether the ledger closes', 'yellow')}: ${reasons}. See: syncline show --run ${run.runId}`
  const next = hasEnded(run.state) ? `See why with: syncline show --run ${run.runId}` : `The run is ${run.state}.`
  return `${paint('The ledger does not close', 'red')}: ${reasons}. ${next}`
}
