// The oldest rows of an audit trail: into a file that can be checked without a database, and then out of the trail. Must hold: a row
// leaves the trail only when the file that has it is on the disk.
import { type FileHandle, open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import { type AuditFault, type AuditLink, type AuditRow, faultOfRow, linkBefore } from '../ledger/audit-chain.ts'
import { type ExportedRows, exportTrail, type OldRows, pruneTrail } from '../ledger/audit-prune.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import type { Pool } from '../platform/postgres.ts'

const rowSchema = z.strictObject({
  orgId: z.string(),
  seq: z.int(),
  at: z.string(),
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  facts: z.string(),
  previousHash: z.string(),
  hash: z.string(),
})

/** Facts stay the text that was hashed. */
const lineOf = (row: AuditRow): string => `${JSON.stringify(row)}\n`

/** Never over a file that is there: it may hold rows that are nowhere else. Throws SynclineError('usage'). */
const openNew = async (file: string): Promise<FileHandle> => {
  try {
    return await open(file, 'wx', 0o600)
  } catch (cause) {
    throw new SynclineError('usage', `${file} cannot be written: ${messageOf(cause)}.`, {
      remedy: 'Name a new file, in a folder that is there.',
      cause,
    })
  }
}

const MAX_CHUNK = 1_000_000

/** Rows are on the disk when this resolves. Undefined: there is none that old, and no file. */
export const exportToFile = async (pool: Pool, rows: OldRows, file: string): Promise<ExportedRows | undefined> => {
  const handle = await openNew(file)
  let chunk = ''
  const write = async () => {
    await handle.appendFile(chunk)
    chunk = ''
  }
  let exported: ExportedRows | undefined
  try {
    exported = await exportTrail(pool, rows, async (row) => {
      chunk += lineOf(row)
      if (chunk.length > MAX_CHUNK) await write()
    })
    await write()
    await handle.sync()
    return exported
  } finally {
    await handle.close()
    if (exported === undefined) await rm(file)
  }
}

/** Takes the rows of that file out of the trail. Resolves to how many. */
export const pruneExported = (pool: Pool, orgId: string, rows: ExportedRows, file: string): Promise<number> =>
  pruneTrail(pool, orgId, rows, resolve(file))

export interface FileVerdict extends AuditLink {
  readonly orgId: string
  readonly first: number
  readonly fault: AuditFault | null
}

/** Whether the rows of an exported file are what was written. Throws SynclineError('usage') when it is no such file. */
export const checkFile = async (file: string): Promise<FileVerdict> => {
  let first: AuditRow | undefined
  let last: AuditLink | undefined
  for await (const row of rowsOf(file)) {
    first ??= row
    last ??= linkBefore(row)
    const fault = faultOfRow(last, row)
    if (fault !== undefined) return { orgId: first.orgId, first: first.seq, ...linkOf(last), fault }
    last = row
  }
  if (first === undefined || last === undefined) throw notAnExport(file, 'it is empty')
  return { orgId: first.orgId, first: first.seq, ...linkOf(last), fault: null }
}

const linkOf = ({ seq, hash }: AuditLink): AuditLink => ({ seq, hash })

const notAnExport = (file: string, why: string): SynclineError =>
  new SynclineError('usage', `${file} is no exported audit trail: ${why}.`, {
    remedy: 'Give a file that was written by: syncline audit --org ID --export FILE',
  })

const rowsOf = async function* (file: string): AsyncGenerator<AuditRow> {
  const handle = await open(file).catch((error: unknown) => {
    throw notAnExport(file, messageOf(error))
  })
  let line = 0
  // Reading to the end, or leaving the loop, closes the file.
  for await (const text of handle.readLines()) {
    line++
    const row = rowSchema.safeParse(jsonOf(text))
    if (!row.success) throw notAnExport(file, `line ${line} is no row of one`)
    yield row.data
  }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
