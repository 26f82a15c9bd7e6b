// The form of an organisation's id.
import { SynclineError } from '../platform/errors.ts'

/** Throws SynclineError('usage') when it is not of that form. */
export const parseOrgId = (id: string): string => {
  if (/^[a-z0-9-]{1,63}$/.test(id)) return id
  throw new SynclineError('usage', `'${id}' cannot be the id of an organisation.`, {
    remedy: 'Use 1 to 63 lower-case letters, digits and dashes.',
  })
}
