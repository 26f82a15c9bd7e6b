// A version of a record, of which only what matters is said.
import type { Version } from '../../../sinks/version.ts'

export const version = (parts: Partial<Version> = {}): Version => ({
  sourceUpdatedAt: 1,
  observedAt: 1,
  mappingRevision: 1,
  deleted: false,
  contentHash: 'a',
  ...parts,
})
