// An answer before it is sent, and the vendor's forms of saying no.

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface ApiError {
  readonly title: string
  readonly detail: string
  readonly code?: string
}

const empty = Buffer.alloc(0)

export const resourceAnswer = (status: number, body: Buffer): Answer => ({
  status,
  headers: { 'content-type': 'application/vnd.api+json; charset=utf-8' },
  body,
})

export const emptyAnswer = (status: number): Answer => ({ status, headers: {}, body: empty })

export const jsonAnswer = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
  body: Buffer.from(JSON.stringify(value)),
})

export const errorAnswer = (
  status: number,
  errors: readonly ApiError[],
  headers: Readonly<Record<string, string>> = {},
): Answer => jsonAnswer(status, { errors: errors.map((error) => ({ status: String(status), ...error })) }, headers)

export const notFound = (): Answer =>
  errorAnswer(404, [{ title: 'Not Found', detail: 'The resource you requested could not be found' }])

export const unauthorized = (): Answer =>
  errorAnswer(401, [{ title: 'Unauthorized', detail: 'You must authenticate with a valid credential' }], {
    'www-authenticate': 'Basic realm="Planning Center"',
  })

export const badPayload = (detail: string): Answer =>
  errorAnswer(400, [{ title: 'Bad Request', code: 'invalid_resource_payload', detail }])

export const invalid = (details: readonly string[]): Answer =>
  errorAnswer(
    422,
    details.map((detail) => ({ title: 'Validation Error', detail })),
  )

/** The one error that the vendor sends without status and title. */
export const tooMany = (count: number, limit: number, periodSeconds: number, retryAfterSeconds: number): Answer =>
  jsonAnswer(
    429,
    { errors: [{ code: '429', detail: `Rate limit exceeded: ${count} of ${limit} requests per ${periodSeconds} seconds` }] },
    { 'retry-after': String(retryAfterSeconds) },
  )
