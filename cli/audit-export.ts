// `syncline audit --export` and `--check --file`: what is done with a trail's oldest rows, as lines for people and as JSON.
import type { AuditLink } from '../ledger/audit-chain.ts'
import { checkFile, exportToFile, type FileVerdict, pruneExported } from './audit-file.ts'
import { painterFor } from './color.ts'
import type { Runtime } from './runtime.ts'
import { EXIT, print, printJson, say } from './terminal.ts'

/** As --expect takes it. */
export const headText = ({ seq, hash }: AuditLink): string => `${seq}:${hash}`

/** A file in place of the trails; no database is asked. */
export const checkExported = async (file: string, json = false): Promise<void> => {
  const verdict = await checkFile(file)
  if (verdict.fault !== null) process.exitCode = EXIT.failed
  const { orgId, fault, ...place } = verdict
  if (json) printJson({ type: 'audit-check', org: orgId, file, ok: fault === null, ...place, fault })
  else print(fileText(verdict))
}

const fileText = ({ orgId, first, fault, ...last }: FileVerdict): string => {
  const paint = painterFor(process.stdout)
  return fault === null
    ? `${orgId}: ${paint('as it was written', 'green')}, rows ${first} to ${last.seq}, the last is ${headText(last)}`
    : `${orgId}: ${paint('BROKEN', 'red')} at row ${fault.seq}: ${fault.reason}`
}

interface ExportOptions {
  readonly before?: Date
  readonly prune?: boolean
  readonly json?: boolean
}

export const exportRows = async ({ pool }: Runtime, orgId: string, file: string, options: ExportOptions): Promise<void> => {
  const { before, prune = false, json } = options
  const exported = await exportToFile(pool, { orgId, ...(before && { before }) }, file)
  if (exported === undefined) return say(`The trail of ${orgId} has no row${before ? ` of before ${before.toISOString()}` : ''}.`)
  const { first, through } = exported
  const pruned = prune ? await pruneExported(pool, orgId, exported, file) : 0
  if (json) printJson({ type: 'audit-export', org: orgId, file, first, ...through, pruned })
  say(`Rows ${first} to ${through.seq} of ${orgId} are in ${file}; the last is ${headText(through)}.`)
  say(
    pruned > 0
      ? `They have left the trail. Keep the file: it can be checked with: syncline audit --check --file ${file}`
      : 'None was removed.',
  )
}
