// Whose a credential is: the API's question for that goes out, the account and the user come back; null where it is not told.
import type { ApiRequest, Identity, Owner } from './adapter.ts'
import { isApiError } from './errors.ts'

/** Null: the API has no such question, does not say, or this credential may not ask. Throws what the request failed with otherwise. */
export const identify = async (
  identity: Identity | undefined,
  send: (request: ApiRequest) => Promise<{ readonly body: Buffer }>,
): Promise<Owner | null> => {
  if (identity === undefined) return null
  try {
    return identity.read((await send(identity.request)).body)
  } catch (error) {
    if (isApiError(error, 'permission', 'gone', 'too-large')) return null
    throw error
  }
}
