// Which app at the vendor an organisation is connected through: its client id, and its secret from standard input, the environment, or
// (with a warning) the command line; else the ones that the connection has.
import { text } from 'node:stream/consumers'
import type { OAuthApp } from '../adapters/core/oauth.ts'
import { SynclineError } from '../platform/errors.ts'
import { say } from './terminal.ts'

export interface AppOptions {
  readonly clientId?: string
  readonly clientSecret?: string
  readonly clientSecretStdin?: boolean
}

const readSecret = async ({ clientSecret, clientSecretStdin }: AppOptions): Promise<string | undefined> => {
  if (clientSecretStdin) return (await text(process.stdin)).trim()
  if (clientSecret === undefined) return process.env['SYNCLINE_OAUTH_CLIENT_SECRET']?.trim()
  say(
    'Warning: a secret on the command line shows in the process list and the shell history; use --client-secret-stdin or SYNCLINE_OAUTH_CLIENT_SECRET.',
  )
  return clientSecret
}

/** Throws SynclineError('usage') naming what is missing. */
export const readOAuthApp = async (options: AppOptions, stored: OAuthApp | undefined): Promise<OAuthApp> => {
  const clientId = options.clientId ?? (process.env['SYNCLINE_OAUTH_CLIENT_ID'] || undefined) ?? stored?.clientId
  // A stored secret is that of the stored app.
  const known = clientId === stored?.clientId ? stored?.clientSecret : undefined
  const clientSecret = ((await readSecret(options)) || undefined) ?? known
  if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
  throw new SynclineError('usage', `No client ${clientId === undefined ? 'id' : 'secret'} is given.`, {
    remedy:
      clientId === undefined
        ? 'Give that of your app with --client-id, or set SYNCLINE_OAUTH_CLIENT_ID.'
        : 'Pipe it in with --client-secret-stdin, or set SYNCLINE_OAUTH_CLIENT_SECRET.',
  })
}
