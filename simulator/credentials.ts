// Who may ask: personal access tokens by HTTP Basic, bearer tokens that stay, and those that OAuth gives and takes.

export interface Credentials {
  /** A name for the credential of an Authorization header, or undefined when it is not valid. The name is no secret. */
  identify(authorization: string | undefined): string | undefined
}

export interface CredentialOptions {
  /** Personal access tokens, `id:secret`. */
  readonly personalTokens: readonly string[]
  readonly bearerTokens: readonly string[]
  /** Names the user of a token that OAuth gave; undefined: it is not valid (any more). */
  readonly userOf: (accessToken: string) => string | undefined
}

export const createCredentials = ({ personalTokens, bearerTokens, userOf }: CredentialOptions): Credentials => {
  const known = new Map<string, string>()
  for (const token of personalTokens) known.set(`basic ${Buffer.from(token).toString('base64')}`, `pat:${token.split(':')[0]}`)
  for (const [at, token] of bearerTokens.entries()) known.set(`bearer ${token}`, `bearer:${at + 1}`)
  return {
    identify: (authorization) => {
      const [, scheme, rest] = /^(\w+) +(\S+)$/.exec(authorization ?? '') ?? []
      if (scheme === undefined || rest === undefined) return undefined
      const fixed = known.get(`${scheme.toLowerCase()} ${rest}`)
      if (fixed !== undefined || scheme.toLowerCase() !== 'bearer') return fixed
      const user = userOf(rest)
      // By user, not by token: so the vendor counts.
      return user && `user:${user}`
    },
  }
}
