import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiConnection, ApiRequest } from '../../../adapters/core/adapter.ts'
import { bearerToken } from '../../../adapters/core/auth.ts'
import { ApiError } from '../../../adapters/core/errors.ts'
import { type HttpOptions, openHttp } from '../../../adapters/core/http.ts'
import { type Answer, json, raw, type ScriptedServer, startScriptedServer, text } from './scripted-server.ts'

const TOKEN = 'canary-7c1d'
const get: ApiRequest = {
  method: 'GET',
  path: '/people/v2/people',
  query: { 'where[created_at][gte]': '2020-01-01T00:00:00Z', per_page: '2' },
}

let [server, other]: ScriptedServer[] = []
const opened: ApiConnection[] = []
const serverOf = (): ScriptedServer => server ?? expect.fail('no server')
const open = (options: Partial<HttpOptions> = {}): ApiConnection => {
  const connection = openHttp({
    baseUrl: serverOf().url,
    auth: bearerToken(TOKEN),
    userAgent: 'Syncline test',
    timeoutMs: 2_000,
    headers: () => ({}),
    observe: () => ({}),
    problems: () => [],
    ...options,
  })
  opened.push(connection)
  return connection
}
const failureOf = async (answer: Answer, options: Partial<HttpOptions> = {}, request = get): Promise<ApiError> => {
  serverOf().script(answer)
  return errorOf(open(options).send(request))
}
const errorOf = async (sent: Promise<unknown>): Promise<ApiError> => {
  const error = await sent.then(
    () => expect.fail('it succeeded'),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof ApiError)) throw error
  expect(JSON.stringify([error.message, error.remedy, error.details, String(error.cause)])).not.toContain(TOKEN)
  return error
}

beforeAll(async () => {
  server = await startScriptedServer()
  other = await startScriptedServer()
})
afterAll(async () => {
  await Promise.all(opened.map((connection) => connection.close()))
  await Promise.all([server?.close(), other?.close()])
})

describe('a request', () => {
  it('is made of the base URL, its prefix, the path and the query, with credential and user agent', async () => {
    serverOf().script(json({ data: [] }))
    await open({ baseUrl: `${serverOf().url}/proxy/` }).send(get)
    const [received] = serverOf().received
    expect(received?.url).toBe('/proxy/people/v2/people?where%5Bcreated_at%5D%5Bgte%5D=2020-01-01T00%3A00%3A00Z&per_page=2')
    expect(received?.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, 'user-agent': 'Syncline test' })
  })

  it('gives body, headers and what they say of the limit', async () => {
    serverOf().script(json({ data: [1] }, 200, { 'x-limit': '7', 'retry-after': '3' }))
    const response = await open({ observe: (headers) => ({ limit: Number(headers['x-limit']) }) }).send(get)
    expect([response.status, response.body.toString(), response.rate]).toEqual([
      200,
      '{"data":[1]}',
      { limit: 7, retryAfterMs: 3000 },
    ])
  })

  it('sends a body as JSON', async () => {
    serverOf().script(json({ data: {} }, 201))
    await open().send({ method: 'POST', path: '/x', query: {}, body: { data: { type: 'Email' } } })
    expect(serverOf().received[0]).toMatchObject({ method: 'POST', body: '{"data":{"type":"Email"}}' })
    expect(serverOf().received[0]?.headers['content-type']).toBe('application/json')
  })

  it('keeps its socket for the next, also after an error with a body', async () => {
    const connection = open()
    const before = serverOf().connections()
    serverOf().script(json({}), text('x'.repeat(1000), 404), json({}))
    await connection.send(get)
    await errorOf(connection.send(get))
    await connection.send(get)
    expect(serverOf().connections() - before).toBe(1)
  })

  it('opens no more sockets than allowed', async () => {
    const connection = open({ maxSockets: 3 })
    const before = serverOf().connections()
    serverOf().script(json({}))
    await Promise.all(Array.from({ length: 30 }, () => connection.send(get)))
    expect(serverOf().connections() - before).toBe(3)
  })

  it('cannot leave the base URL by its path', async () => {
    for (const path of ['//evil.example/x', 'x', '/a/../../b', '/x?y', '/\\evil.example']) {
      serverOf().script(json({}))
      const sent = open().send({ method: 'GET', path, query: {} })
      if (path === '//evil.example/x') await sent
      else await expect(sent).rejects.toMatchObject({ code: 'internal' })
    }
    expect(serverOf().received).toHaveLength(0)
  })

  it('is refused a base URL that is none, or has a credential in it', () => {
    for (const baseUrl of ['nonsense', 'ftp://x', `https://user:${TOKEN}@host`, 'https://host/?a=b', 'https://host/#x']) {
      expect(() => open({ baseUrl })).toThrow(
        expect.objectContaining({ code: 'config', message: expect.not.stringContaining(TOKEN) }),
      )
    }
  })

  it('under way is let end by close', async () => {
    const connection = open()
    let closed: Promise<void> | undefined
    // Closed when the request has arrived, so that its socket is in use.
    serverOf().script((response) => {
      closed = connection.close()
      setTimeout(() => response.end('{"data":[]}'), 50)
    })
    expect((await connection.send(get)).status).toBe(200)
    await closed
  })

  it('that is aborted by its caller rejects with the caller’s reason', async () => {
    serverOf().script(() => undefined)
    const reason = new Error('stopping')
    const controller = new AbortController()
    const sent = open().send(get, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 50)
    await expect(sent).rejects.toBe(reason)
    await expect(open().send(get, { signal: controller.signal })).rejects.toBe(reason)
  })
})

describe('an answer with an error’s status', () => {
  it.each([
    [400, 'bad-request', 'bad-request'],
    [401, 'auth', 'auth'],
    [403, 'permission', 'permission'],
    [404, 'gone', 'gone'],
    [408, 'server', 'transient'],
    [409, 'bad-request', 'bad-request'],
    [410, 'gone', 'gone'],
    [422, 'bad-request', 'bad-request'],
    [425, 'server', 'transient'],
    [429, 'rate-limit', 'rate-limit'],
    [500, 'server', 'transient'],
    [502, 'server', 'transient'],
    [503, 'server', 'transient'],
    [599, 'server', 'transient'],
  ])('%i is %s', async (status, kind, code) => {
    const error = await failureOf(text(`{"errors":[{"detail":"${TOKEN}"}]}`, status))
    expect([error.kind, error.code, error.status]).toEqual([kind, code, status])
    expect(error.message).toContain('GET /people/v2/people')
    expect(error.message).not.toContain('2020-01-01')
  })

  it.each([
    ['seconds', { 'retry-after': '7' }, 7_000],
    [
      'a date, by the vendor’s clock',
      { 'retry-after': 'Tue, 01 Jan 2030 00:00:09 GMT', date: 'Tue, 01 Jan 2030 00:00:00 GMT' },
      9_000,
    ],
    ['a date that is over', { 'retry-after': 'Tue, 01 Jan 2019 00:00:09 GMT' }, 0],
    ['absurd seconds', { 'retry-after': '99999999999' }, 900_000],
    ['an absurd date', { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' }, 900_000],
    ['nonsense', { 'retry-after': 'soon' }, undefined],
    ['nothing', {}, undefined],
  ])('429 with %s to wait', async (_, headers, expected) => {
    const error = await failureOf(json({ errors: [] }, 429, headers))
    expect([error.code, error.rate.retryAfterMs]).toEqual(['rate-limit', expected])
  })

  it('keeps the status when its body never ends', async () => {
    const error = await failureOf((response) => response.writeHead(503).write('x'), { timeoutMs: 200 })
    expect([error.kind, error.status]).toEqual(['server', 503])
  })
})

describe('a redirect', () => {
  it('to another host is not followed, and the credential does not go there', async () => {
    other?.script(json({ data: [] }))
    for (const status of [301, 302, 303, 307, 308]) {
      const error = await failureOf(text('', status, { location: `${other?.url}/people/v2/people` }))
      expect([error.code, error.kind]).toEqual(['bad-response', 'redirect'])
    }
    expect(other?.received).toHaveLength(0)
  })

  it('to the same host is not followed either', async () => {
    const error = await failureOf(text('', 301, { location: '/elsewhere' }))
    expect(error.kind).toBe('redirect')
    expect(serverOf().received).toHaveLength(1)
  })
})

describe('an answer that is broken', () => {
  it('off in the middle of its declared length is a bad response', async () => {
    const error = await failureOf(raw('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"data":['))
    expect([error.kind, error.status]).toEqual(['bad-response', 200])
  })

  it('off in the middle of its chunks is a bad response', async () => {
    const error = await failureOf(raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"dat\r\n'))
    expect(error.kind).toBe('bad-response')
  })

  it('by a wrong length is a bad response', async () => {
    const error = await failureOf(raw('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n{"data":[]}'))
    expect(error.kind).toBe('bad-response')
  })

  it('by damaged compression is a bad response', async () => {
    const zipped = gzipSync(JSON.stringify({ data: Array.from({ length: 1000 }, (_, i) => i) }))
    zipped.fill(0xff, 20, 200)
    expect((await failureOf(text(zipped, 200, { 'content-encoding': 'gzip' }))).kind).toBe('bad-response')
  })

  it('and does not speak HTTP is a bad response', async () => {
    expect((await failureOf(raw('SSH-2.0-OpenSSH_9.6\r\n'))).code).toBe('bad-response')
  })

  it('off before its first byte is the network', async () => {
    expect((await failureOf((_, socket) => socket.destroy())).kind).toBe('network')
  })
})

describe('a slow answer', () => {
  it('that never begins is a time-out', async () => {
    const error = await failureOf(() => undefined, { timeoutMs: 100 })
    expect([error.code, error.kind]).toEqual(['transient', 'timeout'])
  })

  it('of one byte at a time is a time-out after the total time, not after each byte', async () => {
    const slow: Answer = (response) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write(' '), 50)
      response.on('close', () => clearInterval(timer))
    }
    const began = performance.now()
    expect((await failureOf(slow, { timeoutMs: 300 })).kind).toBe('timeout')
    expect(performance.now() - began).toBeLessThan(1_500)
  })

  it('takes the time-out of the request before that of the connection', async () => {
    serverOf().script(() => undefined)
    expect((await errorOf(open().send(get, { timeoutMs: 50 }))).message).toContain('50 ms')
  })
})

describe('a large answer', () => {
  const heapGrowth = async (act: () => Promise<unknown>): Promise<number> => {
    const before = process.memoryUsage().arrayBuffers
    await act()
    return process.memoryUsage().arrayBuffers - before
  }

  it('of 100 MB stops at the cap', async () => {
    let sent = 0
    const large: Answer = (response) => {
      response.writeHead(200, { 'content-length': String(100 * 1024 * 1024) })
      const chunk = Buffer.alloc(64 * 1024, 32)
      const pump = (): void => {
        while (sent < 100 * 1024 * 1024 && !response.destroyed) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', pump)
        }
      }
      pump()
    }
    const error = await failureOf(large)
    expect([error.code, error.status]).toEqual(['too-large', 200])
    expect(sent).toBeLessThan(30 * 1024 * 1024)
  })

  it('that is a small bomb when compressed stops at the cap', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024))
    expect(bomb.length).toBeLessThan(1024 * 1024)
    const growth = await heapGrowth(async () => {
      expect((await failureOf(text(bomb, 200, { 'content-encoding': 'gzip' }))).code).toBe('too-large')
    })
    expect(growth).toBeLessThan(32 * 1024 * 1024)
  })

  it('of exactly the cap is taken, one byte more is not', async () => {
    serverOf().script(text('x'.repeat(1000)))
    expect((await open({ maxBodyBytes: 1000 }).send(get)).body).toHaveLength(1000)
    expect((await failureOf(text('x'.repeat(1001)), { maxBodyBytes: 1000 })).code).toBe('too-large')
  })

  it('above the cap leaves its first 64 KiB, how much was read with its hash, and how long it would have been', async () => {
    const body = Buffer.from('0123456789'.repeat(20_000))
    const { received } = await failureOf(text(body, 200, { 'content-length': '200000' }), { maxBodyBytes: 100_000 })
    expect(received?.beginning.equals(body.subarray(0, 65_536))).toBe(true)
    expect(received?.fullBytes).toBe(200_000)
    const readBytes = received?.readBytes ?? 0
    expect(readBytes).toBeGreaterThan(100_000)
    expect(received?.sha256).toBe(createHash('sha256').update(body.subarray(0, readBytes)).digest('hex'))
    const zipped = await failureOf(text(gzipSync(body), 200, { 'content-encoding': 'gzip' }), { maxBodyBytes: 100_000 })
    expect(zipped.received).toMatchObject({ fullBytes: null })
    expect(JSON.stringify({ ...zipped })).not.toContain('0123456789')
  })

  it('compressed is measured and given decompressed', async () => {
    serverOf().script(text(gzipSync('{"data":[]}'), 200, { 'content-encoding': 'gzip' }))
    expect((await open().send(get)).body.toString()).toBe('{"data":[]}')
  })
})

describe('a vendor that cannot be reached', () => {
  const unreachable = (baseUrl: string): Promise<ApiError> => errorOf(open({ baseUrl }).send(get))

  it('because nobody listens, or the name does not exist, points to the base URL', async () => {
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as AddressInfo // a TCP server that listens has one
    await new Promise((resolve) => closed.close(resolve))
    const refused = await unreachable(`http://127.0.0.1:${port}`)
    expect([refused.code, refused.kind]).toEqual(['transient', 'host'])
    expect(refused.message).toContain('ECONNREFUSED')
    expect(['host', 'network']).toContain((await unreachable('http://no-such-host.invalid')).kind)
  })

  it('because it does not speak TLS points to TLS', async () => {
    const error = await unreachable(serverOf().url.replace('http:', 'https:'))
    expect([error.code, error.kind]).toEqual(['transient', 'tls'])
  })
})
