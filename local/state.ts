// The state file of a stack: who supervises it, which processes belong to it, and, once all are ready, their addresses.
// It is created by one supervisor only and replaced whole, so that a reader sees all of a version or none.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { type StackAddresses, StackAddressesSchema } from './addresses.ts'
import { pathsIn } from './home.ts'
import { hasCode, type ProcessRef, ProcessRefSchema } from './processes.ts'

const StackRecordSchema = z
  .strictObject({
    version: z.literal(1),
    createdAt: z.iso.datetime(),
    supervisor: ProcessRefSchema,
    processes: z.array(ProcessRefSchema).readonly(),
    /** Absent while the stack is coming up. */
    addresses: StackAddressesSchema.optional(),
  })
  .readonly()

export type StackRecord = z.infer<typeof StackRecordSchema>
/** A stack that is up. */
export type StackState = StackRecord & { readonly addresses: StackAddresses }

export const isUp = (record: StackRecord): record is StackState => record.addresses !== undefined

/** What the state file says, whether or not it is still true; undefined if there is none. One that cannot be read is removed. */
export const readRecord = (home: string): StackRecord | undefined => {
  const path = pathsIn(home).state
  try {
    return StackRecordSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) rmSync(path, { force: true })
    return undefined
  }
}

/** Claims the home for one supervisor. False: another has claimed it. */
export const createRecord = (home: string, record: StackRecord): boolean => {
  const draft = writeDraft(home, record)
  try {
    linkSync(draft, pathsIn(home).state)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

export const replaceRecord = (home: string, record: StackRecord): void =>
  renameSync(writeDraft(home, record), pathsIn(home).state)

/** Removes the file if it is still the one of this supervisor. */
export const removeRecord = (home: string, supervisor: ProcessRef): void => {
  const found = readRecord(home)?.supervisor
  if (found?.pid === supervisor.pid && found.startedAt === supervisor.startedAt) rmSync(pathsIn(home).state, { force: true })
}

// It holds the password of the database, hence the mode.
const writeDraft = (home: string, record: StackRecord): string => {
  const draft = `${pathsIn(home).state}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, flush: true })
  return draft
}
