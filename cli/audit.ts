// `syncline audit`: who did what to an organisation and what became of its runs; whether that trail is the one that was written; and
// how it is kept from growing for ever (audit-export.ts).
import { Command, InvalidArgumentError, Option } from 'commander'
import { type AuditHead, auditedOrganisations, auditHeads, auditTrail } from '../ledger/audit.ts'
import type { AuditLink, AuditRow } from '../ledger/audit-chain.ts'
import { checkTrail, type TrailVerdict } from '../ledger/audit-check.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { checkExported, exportRows, headText } from './audit-export.ts'
import { painterFor } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { parseLimit } from './runs.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { parseSince } from './since.ts'
import { EXIT, print, printJson, say, stdoutWidth } from './terminal.ts'
import { count, moment } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline audit --org acme
  $ syncline audit --org acme --since 7d --json | jq 'select(.actor | startswith("cli:"))'
  $ syncline audit --check                             # all organisations
  $ syncline audit --head > heads.txt                  # to be kept where the database's owner cannot write
  $ syncline audit --check --org acme --expect 128:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  $ syncline audit --org acme --export acme-2025.jsonl --before 2026-01-01 --prune
  $ syncline audit --check --file acme-2025.jsonl      # no database is asked

A trail is a chain: each row holds the hash of the one before it. --check finds a row that was changed, taken out, moved or put in, and
names the first. Who may change anything in the database can also write a whole trail anew; that is found with a head that was kept.

--export writes the oldest rows to a new file, each checked; with --prune they leave the trail when the file is on the disk. The trail
says so in a row of its own, with the hash of the last of them: it ends the file, and what is left follows it.

Exit codes: 0 the trails are as they were written, 1 one is not, 2 usage.`

interface AuditOptions {
  readonly org?: string
  readonly since?: Date
  readonly limit: number
  readonly check?: boolean
  readonly expect?: AuditLink
  readonly head?: boolean
  readonly export?: string
  readonly before?: Date
  readonly prune?: boolean
  readonly file?: string
  readonly json?: boolean
}

/** `SEQ:HASH` as --head prints it, for commander. */
export const parseHead = (text: string): AuditLink => {
  const [, seq, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/i.exec(text) ?? []
  if (seq !== undefined && hash !== undefined) return { seq: Number(seq), hash: hash.toLowerCase() }
  throw new InvalidArgumentError('It is SEQ:HASH, as syncline audit --head prints it.')
}

export const auditCommand = (): Command =>
  new Command('audit')
    .option('--org <id>', 'the organisation; also one that was removed')
    .addOption(new Option('--since <when>', 'not older than this: 36h, 7d, 2026-11-20').argParser((text) => parseSince(text)))
    .option('--limit <n>', 'the newest so many', parseLimit, 100)
    .addOption(
      new Option('--check', 'check the chain of hashes, of all organisations or one').conflicts(['since', 'limit', 'head']),
    )
    .addOption(
      new Option('--expect <seq:hash>', 'with --check: a head that was kept and must still be in the trail').argParser(parseHead),
    )
    .addOption(new Option('--head', 'print where the trails end, to be kept elsewhere').conflicts(['since', 'limit']))
    .addOption(
      new Option('--export <file>', 'write the oldest rows of a trail to a new file').conflicts([
        'since',
        'limit',
        'check',
        'head',
      ]),
    )
    .addOption(
      new Option('--before <when>', 'with --export: rows written before this: 365d, 2026-01-01').argParser((text) =>
        parseSince(text),
      ),
    )
    .option('--prune', 'with --export and --before: take those rows out of the trail, which says so')
    .option('--file <file>', 'with --check: an exported file in place of the trails')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: AuditOptions) => {
      requireSense(options)
      return options.file === undefined
        ? withLedger((runtime) => audit(runtime, options))
        : checkExported(options.file, options.json)
    })

/** Options that mean something only together. Throws SynclineError('usage'). */
const requireSense = (options: AuditOptions): void => {
  const { org, check, expect, file, prune, before } = options
  const wrong = (what: string, use: string): never => {
    throw new SynclineError('usage', what, { remedy: `Use it as: syncline audit ${use}` })
  }
  if (expect && !(check && org)) wrong('--expect is a head of one trail, to be checked.', '--check --org ID --expect SEQ:HASH')
  if (file !== undefined && (!check || org || expect)) wrong('--file is an exported file, to be checked.', '--check --file FILE')
  if (options.export === undefined) {
    if (prune || before) wrong('--before and --prune are for an export.', '--org ID --export FILE --before 2026-01-01 --prune')
  } else if (org === undefined) wrong('--export writes the trail of one organisation.', '--org ID --export FILE')
  else if (prune && !before) wrong('--prune needs a moment.', `--org ${org} --export FILE --before 2026-01-01 --prune`)
}

const audit = async (runtime: Runtime, options: AuditOptions): Promise<void> => {
  if (options.check) return check(runtime, options)
  if (options.head) return showHeads(runtime, options)
  if (options.org !== undefined) {
    await organisationsOf(runtime, options.org)
    return options.export === undefined
      ? showTrail(runtime, options.org, options)
      : exportRows(runtime, options.org, options.export, options)
  }
  throw new SynclineError('usage', 'Name an organisation with --org ID, or check all with --check.', {
    remedy: 'See the examples with: syncline audit --help',
  })
}

/** The organisations that are meant. Throws SynclineError('usage') with the nearest names when there never was one of that name. */
const organisationsOf = async ({ pool }: Runtime, org: string | undefined): Promise<readonly string[]> => {
  const known = await auditedOrganisations(pool)
  if (org === undefined) return known
  if (known.includes(org)) return [org]
  throw new SynclineError('usage', `There is no audit trail of '${org}'.`, { remedy: suggest(org, known) })
}

const COLUMNS: readonly Column<AuditRow>[] = [
  { title: 'SEQ', cell: (row) => row.seq },
  { title: 'AT', cell: (row) => moment(new Date(row.at)), keep: 2 },
  { title: 'ACTOR', cell: (row) => row.actor, keep: 1 },
  { title: 'ACTION', cell: (row) => row.action },
  { title: 'SUBJECT', cell: (row) => row.subject },
  { title: 'FACTS', cell: (row) => row.facts, min: 12 },
]

const rowFacts = ({ orgId, facts, ...row }: AuditRow) => ({ type: 'audit', org: orgId, ...row, facts: JSON.parse(facts) })

const showTrail = async (runtime: Runtime, orgId: string, { since, limit, json }: AuditOptions): Promise<void> => {
  const rows = await auditTrail(runtime.pool, { orgId, limit, ...(since && { since }) })
  if (json) for (const row of rows) printJson(rowFacts(row))
  else if (rows.length > 0)
    print(renderColumns(COLUMNS, rows, { width: stdoutWidth(), paint: painterFor(process.stdout) }).join('\n'))
  if (rows.length === 0) say(`Nothing happened to ${orgId} since ${since?.toISOString() ?? 'it was added'}.`)
  if (rows.length === limit && (rows[0]?.seq ?? 1) > 1) say(`The newest ${limit}; more with --limit.`)
}

const showHeads = async (runtime: Runtime, { org, json }: AuditOptions): Promise<void> => {
  if (org !== undefined) await organisationsOf(runtime, org)
  for (const head of await auditHeads(runtime.pool, org)) {
    if (json) printJson(headFacts(head))
    else print(`${head.orgId} ${headText(head)}`)
  }
}

const headFacts = ({ orgId, seq, hash }: AuditHead) => ({ type: 'audit-head', org: orgId, seq, hash })

const check = async (runtime: Runtime, { org, expect, json }: AuditOptions): Promise<void> => {
  for (const orgId of await organisationsOf(runtime, org)) {
    const verdict = await checkTrail(runtime.pool, orgId, expect)
    if (verdict.fault !== null) process.exitCode = EXIT.failed
    if (json) printJson(verdictFacts(verdict))
    else print(verdictText(verdict))
  }
}

const verdictFacts = ({ orgId, seq, hash, pruned, fault }: TrailVerdict) => ({
  type: 'audit-check',
  org: orgId,
  ok: fault === null,
  seq,
  hash,
  pruned,
  fault,
})

/** A good verdict ends with the head: it is what one would keep. */
const verdictText = ({ orgId, pruned, fault, ...last }: TrailVerdict): string => {
  const paint = painterFor(process.stdout)
  const gone = pruned === 0 ? '' : ` (${count(pruned, 'row')} before them exported and pruned)`
  const rows = `${count(Math.max(0, last.seq - pruned), 'row')}${gone}`
  return fault === null
    ? `${orgId}: ${paint('as it was written', 'green')}, ${rows}, head ${headText(last)}`
    : `${orgId}: ${paint('BROKEN', 'red')} at row ${fault.seq}: ${fault.reason}; good before it: ${rows}`
}
