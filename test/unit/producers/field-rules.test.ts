// Field rules where bytes come in: they stay where nothing changes, and what cannot be read is not kept.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ApiResponse } from '../../../adapters/core/adapter.ts'
import { ApiError } from '../../../adapters/core/errors.ts'
import { pco } from '../../../adapters/pco/pco.ts'
import { compileFieldRules } from '../../../manifests/field-rules.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { ruledBody, ruledDelivery, ruledPart } from '../../../producers/field-rules.ts'
import { answerDelivery, pathOfEndpoint } from '../../../producers/webhooks/answer.ts'
import { topicsWithPrefix } from '../../../topics/list.ts'
import { fetched } from './fetched.ts'

const reader = pcoManifest.deliveries
const rules = compileFieldRules(
  pcoManifest,
  [{ entity: 'person', attribute: 'medical_notes', action: 'drop', when: null }],
  String,
)
const EVENT = 'people.v2.events.person.updated'
const delivery = (name: string, payload: unknown): Buffer =>
  Buffer.from(JSON.stringify({ data: [{ id: 'd', type: 'EventDelivery', attributes: { name, attempt: 1, payload } }] }))
const payload = (attributes: object, type = 'Person'): string => JSON.stringify({ data: { type, id: '1', attributes } })
const ruled = (body: Buffer): string => ruledDelivery(rules, reader, body).toString()

describe('a delivery', () => {
  test('has its payload rewritten, and stays a delivery', () => {
    const text = ruled(delivery(EVENT, payload({ name: 'Ada', medical_notes: 'asthma' })))
    expect(text).toBe(delivery(EVENT, payload({ name: 'Ada' })).toString())
    expect(reader?.read(JSON.parse(text))).toMatchObject([{ kind: 'changed', entity: 'person' }])
  })

  test('without a value under a rule is the same bytes, and so is every one without rules', () => {
    for (const body of [
      delivery(EVENT, payload({ name: 'Ada' })),
      delivery(EVENT, '{"data": {"id":"1"} }'),
      Buffer.from('{"data":[]}'),
    ])
      expect(ruledDelivery(rules, reader, body)).toBe(body)
    const body = Buffer.from('asthma')
    expect(ruledDelivery(undefined, reader, body)).toBe(body)
  })

  test.each([
    ['an event that nobody knows', delivery('people.v2.events.ailment.created', payload({ medical_notes: 'asthma' }, 'Ailment'))],
    ['a payload that is an object', delivery(EVENT, { data: { type: 'Person', attributes: { medical_notes: 'asthma' } } })],
    ['a payload that is no JSON', delivery(EVENT, '{"medical_notes":"asthma"')],
    ['a payload that is no object', delivery(EVENT, '["asthma"]')],
    ['a record at the top of the payload', delivery(EVENT, '{"medical_notes":"asthma"}')],
    ['a body that is no JSON', Buffer.from('{"data":[{"asthma"')],
    ['a body without data', Buffer.from('{"person":"asthma"}')],
    ['a body whose events are texts', Buffer.from('{"data":["asthma"]}')],
    ['an event without attributes', Buffer.from('{"data":[{"payload":"asthma"}]}')],
  ])('%s keeps nothing of the value', (_, body) => {
    expect(body.toString()).toContain('asthma')
    expect(ruled(body)).not.toContain('asthma')
  })
})

test('a page without a value under a rule is the same bytes', () => {
  const body = Buffer.from('{"data": [{"type":"Person","id":"1","attributes":{"name":"Ada"}}]}')
  const document: unknown = JSON.parse(body.toString())
  expect(ruledBody(rules, 'person', body, document)).toEqual({ body, document })
  expect(ruledBody(rules, 'person', body, document).body).toBe(body)
})

test('of what is above the cap size and hash are kept, and no byte', () => {
  const part = { beginning: Buffer.from('asthma'), readBytes: 9, sha256: 'ab', fullBytes: null }
  expect(ruledPart(rules, part)).toEqual({ ...part, beginning: Buffer.alloc(0) })
  expect(ruledPart(undefined, part)).toBe(part)
})

const NO_ACCOUNT = { compare: async () => null, takeIn: async () => undefined }

describe('what comes in', () => {
  const people = { data: [{ type: 'Person', id: '1', attributes: { name: 'Ada', medical_notes: 'asthma' } }] }
  const spec = { entity: 'person', walk: { kind: 'offset', order: null, sweep: 0 }, carries: [] } as const
  const walk = pco.walk(spec)
  const cursor = JSON.parse(JSON.stringify({ ...(walk.start as object), perPage: 1 }))
  const fetchedUnder = (ruled: typeof rules, send: () => Promise<ApiResponse>) =>
    fetched({ walk, spec, cursor, send, rules: ruled, account: NO_ACCOUNT })
  const answer = (document: object) => async () => ({
    status: 200,
    headers: {},
    rate: {},
    body: Buffer.from(JSON.stringify(document)),
  })

  test("as a page is ruled before it is anybody else's, and counted as it is", async () => {
    const [as, ruled] = [await fetchedUnder(undefined, answer(people)), await fetchedUnder(rules, answer(people))]
    expect(as).toMatchObject({ kind: 'page', body: Buffer.from(JSON.stringify(people)), counts: { person: 1 } })
    const without = { data: [{ type: 'Person', id: '1', attributes: { name: 'Ada' } }] }
    expect(ruled).toMatchObject({ kind: 'page', body: Buffer.from(JSON.stringify(without)), counts: { person: 1 } })
  })

  test('above the cap is not kept', async () => {
    const received = { beginning: Buffer.from('asthma'), readBytes: 6, sha256: 'ab', fullBytes: null }
    const tooLarge = () => Promise.reject(new ApiError('too-large', 'more than 5 bytes', { received }))
    expect(await fetchedUnder(undefined, tooLarge)).toMatchObject({ kind: 'oversized', received })
    expect(await fetchedUnder(rules, tooLarge)).toMatchObject({
      kind: 'oversized',
      received: { beginning: Buffer.alloc(0), readBytes: 6 },
    })
  })

  test('as a delivery is ruled once its signature is known to be right', async () => {
    const endpoint = {
      orgId: 'acme',
      source: 'pco',
      adapter: 'pco',
      token: 'a-token-that-is-long',
      baseUrl: 'https://x',
      ...{ account: null, hasRows: true },
    }
    const written: (Buffer | null)[] = []
    const known = { endpoint, secrets: new Map([[EVENT, ['secret']]]), rules }
    const body = delivery(EVENT, JSON.stringify({ data: people.data[0] }))
    const outcome = await answerDelivery(
      {
        book: { find: async () => known, findAnew: async () => known },
        writer: { write: async (_, { value }) => void written.push(value) },
        ...{ topics: topicsWithPrefix(''), adapterOf: () => pco, now: () => 0, claim: async () => '' },
      },
      {
        path: pathOfEndpoint(endpoint),
        headers: { 'x-pco-webhooks-authenticity': createHmac('sha256', 'secret').update(body).digest('hex') },
        body,
      },
    )
    expect(outcome).toBe('accepted')
    expect(written.map(String)).toEqual([expect.not.stringContaining('asthma')])
  })
})
