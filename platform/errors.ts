// The one error class. A message says what happened and names the thing; `remedy` says what to do next, if possible a command.

/** The closed list of what can go wrong. The command line derives its exit code from it. */
export const ERROR_CODES = [
  'usage', // wrong option, name or argument
  'config', // a setting is missing or wrong
  'auth', // the vendor refused the credential
  'permission', // the credential is valid but may not read this
  'rate-limit', // the vendor says: later
  'transient', // network, time-out, 5xx: try again
  'bad-response', // the vendor answered with something that is not its documented format
  'bad-request', // the vendor says that the request is wrong
  'gone', // 404 or 410 for one thing
  'already-running',
  'unavailable', // one of our own services (Kafka, registry, PostgreSQL, Redis) is away
  'incompatible', // a schema, topic or migration differs from what this version needs
  'too-large', // a record or response above a cap
  'invalid-record', // a record that cannot be mapped
  'conflict', // the state changed meanwhile: lost lease, old epoch
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

export interface ErrorOptions {
  readonly remedy?: string
  readonly cause?: unknown
  /** Facts for logs and `--json`; never a secret, never a payload. */
  readonly details?: Readonly<Record<string, unknown>>
}

export class SynclineError extends Error {
  override readonly name = 'SynclineError'
  readonly code: ErrorCode
  readonly remedy: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.remedy = options.remedy
    this.details = options.details ?? {}
  }
}

export const isSynclineError = (error: unknown, ...codes: readonly ErrorCode[]): error is SynclineError =>
  error instanceof SynclineError && (codes.length === 0 || codes.includes(error.code))

/** What went wrong in one line, whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))
