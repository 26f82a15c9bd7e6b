// The one error class. A message says what happened and names the thing; `remedy` says what to do next, if possible a command.

/** The closed list of what can go wrong: what it means, and what it asks of the operator when the message does not say more. */
export const ERRORS = {
  usage: {
    meaning: 'A wrong option, name or argument.',
    asks: 'Take one of the names that the message gives, or see the examples with `--help`.',
  },
  config: {
    meaning: 'A setting is missing or wrong.',
    asks: 'Set what the message names, as [configuration](configuration.md) says.',
  },
  auth: {
    meaning: 'The vendor refused the credential.',
    asks: 'Give a new one: `syncline org add ID --pat-stdin`, or `syncline org connect ID`; then `syncline resume --org ID`.',
  },
  permission: {
    meaning: 'The credential is valid but may not read this.',
    asks: 'Have an administrator at the vendor give its account the permission, or sync without the entity (`--select`).',
  },
  'rate-limit': {
    meaning: 'The vendor says: later.',
    asks: 'Nothing, it is tried again. If it stays, something else uses the same credential, or the limit is too high: `syncline org add ID --rate 50/20 --pat-stdin`.',
  },
  transient: {
    meaning: 'Network, time-out, or an error inside the vendor (5xx).',
    asks: 'Nothing, it is tried again. If it stays, look at the status page of the vendor and at the network.',
  },
  'bad-response': {
    meaning: 'The vendor answered with something that is not its documented format.',
    asks: 'Look at the address of the connection (`syncline org list`) and for a proxy in between; then `syncline retry RUN`.',
  },
  'bad-request': {
    meaning: 'The vendor says that the request is wrong.',
    asks: 'The manifest and the API differ: report the message; sync without the entity meanwhile (`--select`).',
  },
  gone: {
    meaning: 'One thing is not there any more.',
    asks: 'Nothing in a run. Of a command: look whether the id is right.',
  },
  'already-running': {
    meaning: 'A run of this kind is under way for one of the entities.',
    asks: 'Wait for the run that the message names (`syncline status --run ID`), or end it: `syncline cancel --run ID`.',
  },
  paused: {
    meaning: 'The organisation, or this connected account of it, is paused: nothing was begun.',
    asks: 'Let it go on when the reason that the message gives is over: `syncline resume --org ID`.',
  },
  unavailable: {
    meaning: 'One of our own services (Kafka, registry, PostgreSQL, Redis) is away.',
    asks: 'Bring it back, or look at its address; on one machine: `syncline up --detach`. Workers go on by themselves.',
  },
  incompatible: {
    meaning: 'A schema, topic, migration or cursor differs from what this version needs.',
    asks: 'Mend what the message names before anything else; see [compatibility](schemas.md).',
  },
  'too-large': {
    meaning: 'A record or response above a cap.',
    asks: 'Look at the letter with `syncline dlq show ID`; raise `SYNCLINE_MAX_RESPONSE_BYTES` if the record is a good one, then sync again.',
  },
  'invalid-record': {
    meaning: 'A record that cannot be mapped.',
    asks: 'Look at it with `syncline dlq show ID`; when the source or the mapping is mended, `syncline dlq replay ID`.',
  },
  conflict: {
    meaning: 'The state changed meanwhile: a lost lease, an old epoch, a run in another state.',
    asks: 'Look at the state that the message names, then call the command again.',
  },
  internal: {
    meaning: 'A fault in Syncline.',
    asks: 'Report the message with the output of `syncline --version`. Nothing is lost: what was accepted is accounted for.',
  },
} as const

export type ErrorCode = keyof typeof ERRORS

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
