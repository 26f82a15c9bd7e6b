// Who may ask: personal access tokens by HTTP Basic, bearer tokens. A server takes this as an interface, so that tokens which come
// and go can be known by another implementation.

export interface Credentials {
  /** A name for the credential of an Authorization header, or undefined when it is not valid. The name is no secret. */
  identify(authorization: string | undefined): string | undefined
}

export interface CredentialOptions {
  /** Personal access tokens, `id:secret`. */
  readonly personalTokens: readonly string[]
  readonly bearerTokens: readonly string[]
}

export const createCredentials = ({ personalTokens, bearerTokens }: CredentialOptions): Credentials => {
  const known = new Map<string, string>()
  for (const token of personalTokens) known.set(`basic ${Buffer.from(token).toString('base64')}`, `pat:${token.split(':')[0]}`)
  for (const [at, token] of bearerTokens.entries()) known.set(`bearer ${token}`, `bearer:${at + 1}`)
  return {
    identify: (authorization) => {
      const [, scheme, rest] = /^(\w+) +(\S+)$/.exec(authorization ?? '') ?? []
      return scheme === undefined ? undefined : known.get(`${scheme.toLowerCase()} ${rest}`)
    },
  }
}
