// Writes drafts of definitions, one file each. What is there already is somebody's work and is left alone.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Draft } from '../manifests/draft.ts'
import { draftText } from '../manifests/draft-text.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'

export interface Written {
  readonly entity: string
  readonly file: string
  /** False: there is such a file. */
  readonly isWritten: boolean
}

const isThere = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST'

/** Throws SynclineError('config') where nothing can be written. */
const writeDraft = (folder: string, manifest: Manifest, draft: Draft): Written => {
  const file = join(folder, `${draft.entity}.ts`)
  try {
    writeFileSync(file, draftText(manifest, draft), { flag: 'wx' })
    return { entity: draft.entity, file, isWritten: true }
  } catch (error) {
    if (isThere(error)) return { entity: draft.entity, file, isWritten: false }
    throw cannotWrite(file, error)
  }
}

const cannotWrite = (path: string, cause: unknown): SynclineError =>
  new SynclineError('config', `${path} cannot be written: ${messageOf(cause)}`, {
    remedy: 'Give --write a folder that you may write to, such as manifests/pco.',
    cause,
  })

/** Tried before the API is asked: what cannot be kept need not be asked for. */
export const prepareFolder = (folder: string): void => {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw cannotWrite(folder, error)
  }
}

export const writeDrafts = (folder: string, manifest: Manifest, drafts: readonly Draft[]): readonly Written[] =>
  drafts.map((draft) => writeDraft(folder, manifest, draft))
