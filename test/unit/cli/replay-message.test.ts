// What a replay sends, and what it refuses with which next step.
import { describe, expect, test } from 'vitest'
import { replayMessage } from '../../../cli/replay-message.ts'
import type { RegisteredLetter } from '../../../ledger/dead-letter-search.ts'
import { canonicalId } from '../../../manifests/identity.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { createTransform } from '../../../processors/transform.ts'
import { type DeadLetter, decodeDeadLetter } from '../../../topics/dead-letters.ts'
import { decodePageOrigin, encodePageOrigin } from '../../../topics/headers.ts'
import { topicsWithPrefix } from '../../../topics/list.ts'

const topics = topicsWithPrefix('test.')
const runId = '0198c0de-0000-7000-8000-000000000001'
const registered: RegisteredLetter = {
  topic: 'test.sync.dead-letters',
  partition: 1,
  offset: 17n,
  orgId: 'acme',
  source: 'pco',
  entity: 'email',
  externalId: '9',
  stage: 'process',
  code: 'mapping',
  reason: 'a fault',
  bytes: 12,
  page: { runId, rangeId: 3, page: 7, attempt: 2, index: 4 },
  state: 'open',
  round: 0,
  outcome: null,
  actedBy: null,
  actedAt: null,
  dropReason: null,
  recordedAt: new Date(0),
  adapter: 'pco',
}
const letter: DeadLetter = {
  orgId: 'acme',
  source: 'pco',
  entity: 'email',
  externalId: '9',
  stage: 'process',
  code: 'mapping',
  reason: 'a fault',
  origin: { runId, rangeId: 3, page: 7, attempt: 2, index: 4, count: 5 },
  observedAt: 1_700_000_000_000,
}
const value = Buffer.from('{"id": "9" }')

const HEADERS = { origin: `${runId}/3/7/2/4/5`, replay: 'test.sync.dead-letters/1/17' }

test('a record that could not be mapped goes to the raw topic as a page of its own, at its place', () => {
  const made = replayMessage(registered, { letter, value }, topics)
  expect(made).toMatchObject({ ok: true, topic: 'test.raw.pco', message: { key: 'acme/email/3', headers: HEADERS } })
  if (!made.ok) return
  expect(made.message.value?.toString()).toBe('{"data":[{"id": "9" }]}')
  const page = { runId, entity: 'email', page: 7, attempt: 2, observedAt: 1_700_000_000_000, carries: [] }
  expect(decodePageOrigin({ ...made.message.headers })).toMatchObject(page)
})

test('a delivery that died goes to the live topic in a body of its own, whatever it is of', () => {
  const { origin: _, ...runless } = letter
  const delivered = { ...runless, entity: 'unknown', externalId: null, origin: undefined, live: 'delivery' } as const
  const made = replayMessage(
    { ...registered, page: null, entity: 'unknown', externalId: null },
    { letter: delivered, value },
    topics,
  )
  expect(made).toMatchObject({
    ok: true,
    topic: 'test.raw.pco.live',
    message: { headers: { kind: 'delivery', replay: HEADERS.replay } },
  })
  if (made.ok) expect(made.message.value?.toString()).toBe('{"data":[{"id": "9" }]}')
})

test('an answer for one record that died goes to the live topic as it was', () => {
  const answered = { ...letter, origin: undefined, live: 'record' } as const
  const made = replayMessage({ ...registered, page: null }, { letter: answered, value }, topics)
  expect(made).toMatchObject({
    ok: true,
    topic: 'test.raw.pco.live',
    message: { value, headers: { kind: 'record', entity: 'email' } },
  })
})

test('a record that could not be written goes to its canonical topic as it was', () => {
  const made = replayMessage(registered, { letter: { ...letter, stage: 'sink', code: 'constraint' }, value }, topics)
  const key = canonicalId('acme', 'pco', 'email', '9')
  expect(made).toMatchObject({ ok: true, topic: 'test.canonical.email', message: { key, value, headers: HEADERS } })
})

test('a record about a row of another entity goes back under its own name, and comes to its place in the ledger', () => {
  const transform = createTransform({ manifest: pcoManifest, schemaIds: new Map([['person', 1]]) })
  const merger = (at: string) =>
    Buffer.from(`{"data":[{"type":"PersonMerger","id":"1","attributes":{"created_at":"${at}","person_to_remove_id":2}}]}`)
  const page = { ...letter, runId, entity: 'person-merger', rangeId: 3, page: 7, attempt: 2, carries: [], traceparent: '' }
  const [died] = transform({ value: merger('never'), headers: encodePageOrigin({ ...page, observedAt: 1 }) }).deadLetters
  const content = { letter: decodeDeadLetter(died?.headers ?? {}), value: Buffer.alloc(0) }
  const made = replayMessage({ ...registered, entity: 'person-merger' }, content, topics)
  const headers = made.ok ? made.message.headers : {}
  const [landed] = transform({ value: merger('2026-01-01T00:00:00Z'), headers }).canonical.get('person') ?? []
  expect(landed?.headers).toMatchObject({ origin: `person-merger@${runId}/3/7/2/0/1`, replay: HEADERS.replay })
})

test('one that the sink refused goes to the topic of the row it is about', () => {
  const origin = { runId, rangeId: 3, page: 7, attempt: 2, index: 4, count: 5, entity: 'person-merger' }
  const refused = { ...letter, stage: 'sink', code: 'constraint', entity: 'person', origin } as const
  const made = replayMessage({ ...registered, entity: 'person-merger' }, { letter: refused, value }, topics)
  const headers = { ...HEADERS, origin: `person-merger@${HEADERS.origin}` }
  const key = canonicalId('acme', 'pco', 'person', '9')
  expect(made).toMatchObject({ ok: true, topic: 'test.canonical.person', message: { key, headers } })
})

describe('refused, with the next step:', () => {
  test.each<[string, Partial<RegisteredLetter>, Partial<DeadLetter>, RegExp]>([
    ['settled already', { state: 'replayed', outcome: 'merged' }, {}, /is merged/],
    [
      'too large to be received',
      { stage: 'fetch', code: 'too-large' },
      {},
      /SYNCLINE_MAX_RESPONSE_BYTES.*smaller.*syncline sync --org acme --select email\. A full sync .* drops the letter/,
    ],
    ['cut', {}, { cut: { readBytes: 1, sha256: '', fullBytes: null } }, /beginning.*syncline sync --org acme/],
    ['no page at all', {}, { code: 'unreadable', origin: undefined }, /no record.*syncline sync/],
    ['of no page', {}, { origin: undefined }, /which page.*syncline sync/],
    ['of a connection that is gone', { adapter: null }, {}, /syncline org add acme/],
    ['of an entity of another version', {}, { entity: 'starship' }, /starship/],
    ['a canonical message that cannot be read', {}, { stage: 'sink', externalId: null }, /id is not known/],
  ])('%s', (_, row, headers, words) => {
    const made = replayMessage({ ...registered, ...row }, { letter: { ...letter, ...headers }, value }, topics)
    expect(made.ok ? '' : made.why).toMatch(words)
  })

  test('removed by retention', () => {
    expect(replayMessage(registered, undefined, topics)).toMatchObject({ ok: false, why: expect.stringMatching(/30 days.*sync/) })
  })
})

test('what was received before a field rule was in force is not sent, and what came later is', () => {
  const value = Buffer.from('{"id":"9"}')
  const made = (observedAt: number | undefined) =>
    replayMessage({ ...registered, recordedAt: new Date(10) }, { letter: { ...letter, observedAt }, value }, topics, new Date(20))
  expect(made(19)).toMatchObject({ ok: false, why: expect.stringMatching(/field rule.*syncline sync --org acme/) })
  expect(made(20)).toMatchObject({ ok: true })
  expect(made(undefined)).toMatchObject({ ok: false })
})
