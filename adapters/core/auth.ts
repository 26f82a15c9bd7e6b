// Credentials as headers: an application's id and secret (Basic), or a bearer token. Neither is refreshed here.
import { SynclineError } from '../../platform/errors.ts'
import type { AuthProvider } from './adapter.ts'

/** A personal access token `id:secret`, sent as HTTP Basic. Throws SynclineError('config') when it is not of that form. */
export const personalAccessToken = (credential: string): AuthProvider => {
  const separator = credential.indexOf(':')
  if (separator < 1 || separator === credential.length - 1 || /\s/.test(credential)) {
    throw new SynclineError('config', 'The personal access token is not of the form id:secret', {
      remedy: 'Copy both parts, application id and secret, and join them with a colon.',
    })
  }
  return fixed(`Basic ${Buffer.from(credential, 'utf8').toString('base64')}`)
}

/** A bearer token that is used until it is refused. Throws SynclineError('config') when it cannot stand in a header. */
export const bearerToken = (token: string): AuthProvider => {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new SynclineError('config', 'The access token is empty or has characters that no token has')
  }
  return fixed(`Bearer ${token}`)
}

const fixed = (authorization: string): AuthProvider => {
  const headers = { authorization }
  return { headers: async () => headers, refresh: async () => false }
}
