// Where a credential comes from: standard input, the environment, or (with a warning) the command line.
import { text } from 'node:stream/consumers'
import { SynclineError } from '../platform/errors.ts'
import { say } from './terminal.ts'

export interface CredentialOptions {
  readonly pat?: string
  readonly patStdin?: boolean
}

/** Throws SynclineError('usage') when none is given. */
export const readCredential = async ({ pat, patStdin }: CredentialOptions): Promise<string> => {
  if (patStdin) return (await text(process.stdin)).trim()
  if (pat !== undefined) {
    say('Warning: a token on the command line shows in the process list and the shell history; use --pat-stdin or SYNCLINE_PAT.')
    return pat
  }
  const fromEnvironment = process.env['SYNCLINE_PAT']
  if (fromEnvironment) return fromEnvironment.trim()
  throw new SynclineError('usage', 'No credential is given.', {
    remedy: 'Pipe it in with --pat-stdin, or set SYNCLINE_PAT to id:secret.',
  })
}
