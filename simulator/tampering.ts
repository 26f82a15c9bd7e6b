// Answers that go wrong on their way, for tests: each by a name, each in place of the next answers to lists.
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { type Answer, errorAnswer } from './answer.ts'

export interface Tampering {
  /** What is answered is another request. */
  readonly ask?: (url: URL) => URL
  /** How the answer is delivered. */
  readonly deliver?: (response: ServerResponse, answer: Answer) => void
}

const whole = (response: ServerResponse, { status, headers, body }: Answer): void => {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  response.end(body)
}

const refused = (status: number, headers: Readonly<Record<string, string>> = {}): Tampering => ({
  deliver: (response) => whole(response, errorAnswer(status, [{ title: 'Failed', detail: 'A fault of the simulator' }], headers)),
})

const replaced = (body: string | (() => Buffer), headers: Readonly<Record<string, string>> = {}): Tampering => ({
  deliver: (response, answer) => {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body()
    whole(response, { ...answer, headers: { ...answer.headers, ...headers }, body: bytes })
  },
})

type Document = { meta?: Record<string, unknown>; links?: Record<string, unknown> }

const edited = (edit: (document: Document) => void): Tampering => ({
  deliver: (response, answer) => {
    // What the simulator itself has rendered.
    const document = JSON.parse(answer.body.toString('utf8')) as Document
    edit(document)
    whole(response, { ...answer, body: Buffer.from(JSON.stringify(document)) })
  },
})

const nextLink = (href: string): Tampering =>
  edited((document) => {
    if (document.links?.['next'] !== undefined) document.links['next'] = href
  })

/** One byte of the body each second, and never the last. */
const drip = (response: ServerResponse, { status, headers, body }: Answer): void => {
  response.writeHead(status, { ...headers, 'content-length': body.length })
  let sent = 0
  const timer = setInterval(() => response.write(body.subarray(sent, ++sent)), 1_000)
  response.once('close', () => clearInterval(timer))
}

const MEGABYTE = Buffer.alloc(1024 * 1024, 0x20)
const HUGE_MEGABYTES = 100

/** Made when it is asked for: it takes half a second. */
const bomb = (): Buffer => gzipSync(Buffer.alloc(HUGE_MEGABYTES * 1024 * 1024, 0x20))

/** A hundred megabytes of blanks, as long as somebody reads them. */
const huge = async (response: ServerResponse, { status, headers }: Answer): Promise<void> => {
  response.writeHead(status, headers)
  for (let sent = 0; sent < HUGE_MEGABYTES && !response.destroyed; sent++) {
    if (response.write(MEGABYTE)) continue
    await new Promise<void>((resolve) => response.once('drain', resolve).once('close', resolve))
  }
  response.end()
}

const withoutFilters = (url: URL): URL => {
  const asked = new URL(url)
  for (const name of [...asked.searchParams.keys()]) if (name.startsWith('where[')) asked.searchParams.delete(name)
  return asked
}

export const TAMPERINGS = {
  'too-many': refused(429),
  'too-many-seconds': refused(429, { 'retry-after': '2' }),
  'too-many-date': refused(429, { 'retry-after': new Date(0).toUTCString() }),
  'too-many-absurd': refused(429, { 'retry-after': '-7 parsecs' }),
  'error-500': refused(500),
  'error-502': refused(502),
  'error-503': refused(503, { 'retry-after': '1' }),
  silent: { deliver: () => undefined },
  truncated: {
    deliver: (response, { status, headers, body }) => {
      response.writeHead(status, { ...headers, 'content-length': body.length })
      response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.destroy())
    },
  },
  'wrong-length': {
    deliver: (response, { status, headers, body }) => {
      response.writeHead(status, { ...headers, 'content-length': Math.ceil(body.length / 2) })
      response.end(body)
    },
  },
  'malformed-json': { deliver: (response, answer) => whole(response, { ...answer, body: answer.body.subarray(0, -2) }) },
  'web-page': replaced('<html><body>Sign in</body></html>', { 'content-type': 'text/html' }),
  empty: replaced(''),
  drip: { deliver: drip },
  huge: { deliver: (response, answer) => void huge(response, answer) },
  'gzip-bomb': replaced(bomb, { 'content-encoding': 'gzip' }),
  redirect: refused(302, { location: 'http://127.0.0.1:9/elsewhere' }),
  'next-elsewhere': nextLink('http://127.0.0.1:9/elsewhere'),
  'next-itself': nextLink(''),
  'next-missing': edited((document) => {
    delete document.links?.['next']
    delete document.meta?.['next']
  }),
  'wrong-total': edited((document) => {
    if (document.meta?.['total_count'] !== undefined) document.meta['total_count'] = 7
  }),
  'ignored-filter': { ask: withoutFilters },
} as const satisfies Record<string, Tampering>

export type TamperingName = keyof typeof TAMPERINGS
