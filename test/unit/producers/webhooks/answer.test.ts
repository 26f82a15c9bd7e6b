// What a delivery is answered: 200 only when it is durable, and never what would end a subscription.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { pco } from '../../../../adapters/pco/pco.ts'
import type { Endpoint } from '../../../../ledger/webhooks.ts'
import { SynclineError } from '../../../../platform/errors.ts'
import { type AnswerDeps, answerDelivery, OUTCOMES, parseAddress, pathOfEndpoint } from '../../../../producers/webhooks/answer.ts'
import { createDeliveryWriter } from '../../../../producers/webhooks/delivery-writer.ts'
import { topicsWithPrefix } from '../../../../topics/list.ts'
import { decodeLiveOrigin } from '../../../../topics/live.ts'

const EVENT = 'people.v2.events.person.updated'
const endpoint: Endpoint = {
  ...{ orgId: 'acme', source: 'pco', adapter: 'pco', token: 'a-token-that-is-long', baseUrl: 'https://x' },
  ...{ account: '1', hasRows: true },
}
const body = Buffer.from('{"data":[]}')
const ofAccount = (id: string) =>
  Buffer.from(JSON.stringify({ data: [{ relationships: { organization: { data: { type: 'Organization', id } } } }] }))

const stage = (parts: Partial<AnswerDeps> = {}, anew: readonly string[] = [], of: Partial<Endpoint> = {}) => {
  const written: { topic: string; headers: Record<string, string> }[] = []
  const book =
    (secrets: readonly string[]) =>
    async ({ orgId }: { orgId: string }) =>
      orgId === 'acme' ? { endpoint: { ...endpoint, ...of }, secrets: new Map([[EVENT, secrets]]) } : undefined
  const deps: AnswerDeps = {
    book: { find: book(['first']), findAnew: book(['first', ...anew]) },
    writer: { write: async (topic, { headers }) => void written.push({ topic, headers: { ...headers } }) },
    topics: topicsWithPrefix(''),
    adapterOf: () => pco,
    now: () => 42,
    claim: () => Promise.reject(new Error('the account is known')),
    ...parts,
  }
  const deliver = (secret = 'first', path = pathOfEndpoint(endpoint), name: string | undefined = EVENT, sent = body) =>
    answerDelivery(deps, {
      path,
      body: sent,
      headers: {
        'x-pco-webhooks-authenticity': createHmac('sha256', secret).update(sent).digest('hex'),
        ...(name === undefined ? {} : { 'x-pco-webhooks-name': name }),
      },
    })
  return { written, deliver, deliverOf: (account: string) => deliver(undefined, undefined, undefined, ofAccount(account)) }
}

describe('a delivery', () => {
  test('that is genuine is written as it came, with whose it is and when it came', async () => {
    const { written, deliver } = stage()
    expect(await deliver()).toBe('accepted')
    expect(written).toMatchObject([{ topic: 'raw.pco.live' }])
    expect(decodeLiveOrigin(written[0]?.headers ?? {})).toMatchObject({
      kind: 'delivery',
      orgId: 'acme',
      source: 'pco',
      receivedAt: 42,
    })
  })

  test('of an event that its headers do not name, or name wrongly, is checked with every secret', async () => {
    const { deliver } = stage()
    expect(await deliver('first', undefined, 'people.v2.events.nobody.knows')).toBe('accepted')
  })

  test('that a new secret signs is believed at once', async () => {
    const { deliver } = stage({}, ['second'])
    expect(await deliver('second')).toBe('accepted')
    expect(await deliver('third')).toBe('bad-signature')
  })

  test('for another organisation, with a wrong token, or to another path is refused before it is written', async () => {
    const { written, deliver } = stage()
    expect(await deliver('first', '/webhooks/other/pco/a-token-that-is-long')).toBe('unknown-address')
    expect(await deliver('first', '/webhooks/acme/pco/a-token-that-is-lon_')).toBe('unknown-address')
    expect(await deliver('first', '/')).toBe('unknown-address')
    expect(written).toEqual([])
  })

  test('of another account than the rows, or than the credential before there are any, is refused', async () => {
    const { written, deliverOf } = stage()
    expect(await deliverOf('2')).toBe('other-account')
    expect(written).toEqual([])
    expect(await deliverOf('1')).toBe('accepted')
    expect(await stage({}, [], { account: null, hasRows: false }).deliverOf('2')).toBe('accepted')
  })

  test('that is the first of the source takes down whose the rows are, before it is written', async () => {
    const first = (owner: string) => stage({ claim: async () => owner }, [], { hasRows: false })
    const [own, late] = [first('1'), first('2')]
    expect(await own.deliverOf('1')).toBe('accepted')
    expect(await late.deliverOf('1')).toBe('other-account')
    expect(late.written).toEqual([])
    const away = stage({ claim: () => Promise.reject(new Error('PostgreSQL is away')) }, [], { hasRows: false })
    await expect(away.deliverOf('1')).rejects.toThrow('PostgreSQL is away')
    expect(away.written).toEqual([])
  })

  test('that is not durable is not accepted', async () => {
    const { deliver } = stage({ writer: { write: () => Promise.reject(new SynclineError('unavailable', 'Kafka is away')) } })
    await expect(deliver()).rejects.toThrow('Kafka is away')
  })
})

test('no answer is 410, and only one is 2xx', () => {
  expect(Object.values(OUTCOMES)).not.toContain(410)
  expect(Object.entries(OUTCOMES).filter(([, status]) => status < 300)).toEqual([['accepted', 200]])
})

test('an address is read with and without a query, and nothing else is one', () => {
  const { orgId, source, token } = endpoint
  expect(parseAddress(`${pathOfEndpoint(endpoint)}?x=1`)).toEqual({ orgId, source, token })
  for (const path of ['', '/', '/webhooks/acme/pco', '/webhooks/acme/pco/short', '/webhooks/Acme/pco/a-token-that-is-long/x']) {
    expect(parseAddress(path)).toBeUndefined()
  }
})

describe('a writer', () => {
  const message = (bytes: number) => ({ key: 'k', value: Buffer.alloc(bytes), headers: {} })

  test('sends what comes together at once, and each resolves when all of it is durable', async () => {
    const sends: number[] = []
    const writer = createDeliveryWriter({
      send: async (topics) => {
        sends.push(topics.reduce((sum, { messages }) => sum + messages.length, 0))
        return []
      },
    })
    await Promise.all(Array.from({ length: 50 }, () => writer.write('t', message(10))))
    expect(sends).toEqual([50])
  })

  test('takes no more than memory is meant for, and goes on when there is room', async () => {
    let release = () => undefined as unknown
    const writer = createDeliveryWriter({ send: () => new Promise((resolve) => (release = () => resolve([]))) })
    const held = [writer.write('t', message(20 * 1024 * 1024))]
    await expect(writer.write('t', message(20 * 1024 * 1024))).rejects.toThrow('More deliveries')
    await new Promise((resolve) => setTimeout(resolve, 20))
    release()
    await Promise.all(held)
    const again = writer.write('t', message(20 * 1024 * 1024))
    await new Promise((resolve) => setTimeout(resolve, 20))
    release()
    await again
  })
})
