// One bad record of a page is one dead letter with its bytes; its neighbours become canonical records.
import { describe, expect, test } from 'vitest'
import { canonicalId } from '../../../manifests/identity.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { split } from '../../../manifests/split.ts'
import { encodeGone } from '../../../manifests/tombstone.ts'
import { createTransform } from '../../../processors/transform.ts'
import { canonicalEntities } from '../../../topics/canonical.ts'
import { createCanonicalDecoder } from '../../../topics/canonical-codec.ts'
import { decodeDeadLetter, encodePlace, REPLAY_HEADER } from '../../../topics/dead-letters.ts'
import { decodeParents, decodeRecordOrigin, encodePageOrigin, ORIGIN_HEADER, PARENTS_HEADER } from '../../../topics/headers.ts'

const schemaIds = new Map(canonicalEntities.map(({ entity }, n) => [entity, n + 1]))
const transform = createTransform({ manifest: pcoManifest, schemaIds })

const origin = {
  runId: '0198c0de-0000-7000-8000-000000000001',
  orgId: 'acme',
  source: 'pco',
  entity: 'email',
  rangeId: 3,
  page: 7,
  attempt: 2,
  observedAt: 1_700_000_000_000,
  carries: [],
  traceparent: '00-0198c0de000070008000000000000001-00f067aa0ba902b7-01',
}

const email = (id: string, attributes: string) =>
  `{"type":"Email","id":${id},"attributes":${attributes},"relationships":{"person":{"data":{"type":"Person","id":"1"}}}}`
const good = email('"5"', '{"address":"a@example.org"}')
const pageOf = (...records: string[]) => ({
  value: Buffer.from(`{"data":[${records.join(', ')}]}`),
  headers: encodePageOrigin(origin),
})

describe('a page', () => {
  test('becomes canonical records that say which record of which page they are', () => {
    const { canonical, deadLetters, records } = transform(pageOf(good, email('"6"', '{}')))
    expect(deadLetters).toEqual([])
    expect(records).toBe(2)
    const messages = canonical.get('email') ?? []
    expect(messages.map(({ headers }) => decodeRecordOrigin(headers[ORIGIN_HEADER]))).toEqual(
      [0, 1].map((index) => ({ runId: origin.runId, rangeId: 3, page: 7, attempt: 2, index, count: 2 })),
    )
    expect(messages[0]?.value?.readUInt32BE(1)).toBe(schemaIds.get('email'))
    expect(messages[0]?.key).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('gives the records of one entity alone when only those are wanted', () => {
    const only = createTransform({ manifest: pcoManifest, schemaIds, only: 'person' })
    const page = { ...pageOf(good, email('null', '{}')), headers: encodePageOrigin({ ...origin, carries: ['person'] }) }
    const { canonical, deadLetters } = only(page)
    expect([...canonical.keys()]).toEqual(['person'])
    expect(deadLetters).toEqual([])
  })

  test('becomes records that name their parents as the source does, where they cannot be without', () => {
    const orphan = '{"type":"Email","id":"6","attributes":{},"relationships":{}}'
    const { canonical } = transform(pageOf(good, orphan))
    expect(canonical.get('email')?.map(({ headers }) => decodeParents(headers[PARENTS_HEADER]))).toEqual([['1'], [null]])
    const campus = { value: Buffer.from('{"data":[{"type":"Campus","id":"1","attributes":{}}]}') }
    const [message] =
      transform({ ...campus, headers: encodePageOrigin({ ...origin, entity: 'campus' }) }).canonical.get('campus') ?? []
    expect(message?.headers).not.toHaveProperty(PARENTS_HEADER)
  })

  test('names two parents in the order of its references, and no soft one', () => {
    const to = (type: string, id: string) => `"${type}":{"data":{"type":"${type}","id":"${id}"}}`
    const membership = `{"type":"Membership","id":"1","attributes":{},"relationships":{${to('person', 'p,1')},${to('group', '7')}}}`
    const event = `{"type":"Event","id":"1","attributes":{},"relationships":{${to('attendance_submitter', '3')},${to('group', '7')}}}`
    const parentsOf = (entity: string, record: string) => {
      const headers = encodePageOrigin({ ...origin, entity })
      const { canonical } = transform({ value: Buffer.from(`{"data":[${record}]}`), headers })
      return canonical.get(entity)?.map((message) => decodeParents(message.headers[PARENTS_HEADER]))
    }
    expect(parentsOf('group-membership', membership)).toEqual([['7', 'p,1']])
    expect(parentsOf('group-membership', membership.replace('p,1', 'p1'))).toEqual([['7', 'p1']])
    expect(parentsOf('event', event)).toEqual([['7']])
  })

  test('keeps every integer as it is, of attributes that nobody knows and in JSON, beyond what a double holds', () => {
    const large = '{"n":9007199254740993,"deep":{"of":[-12345678901234567890]},"small":7,"fraction":0.5}'
    const { canonical } = transform(pageOf(email('"6"', large)))
    const value = canonical.get('email')?.[0]?.value ?? Buffer.alloc(0)
    expect(value.includes('9007199254740993')).toBe(true)
    expect(value.includes('{"of":[-12345678901234567890]}')).toBe(true)
  })

  test('holds what is included without a type as a dead letter of its own, with its bytes, in the place that the receipt counts', () => {
    const nobodys = '{"id": "7", "attributes": {"address": "b@example.org"}}'
    const value = Buffer.from(`{"data":[{"type":"Person","id":"1","attributes":{}}],"included":[${good}, ${nobodys}]}`)
    const page = { value, headers: encodePageOrigin({ ...origin, entity: 'person', carries: ['email'] }) }
    const { canonical, deadLetters, records } = transform(page)
    expect([canonical.get('person')?.length, canonical.get('email')?.length, records]).toEqual([1, 1, 3])
    const [letter] = deadLetters
    expect(letter?.value?.toString()).toBe(nobodys)
    const { entity, externalId, code, origin: at } = decodeDeadLetter(letter?.headers ?? {})
    expect({ entity, externalId, code, at }).toMatchObject({
      entity: 'person',
      externalId: null,
      code: 'unreadable',
      at: { index: 1, count: 2 },
    })
  })

  test('of which one record is nested too deep to be printed loses no other', () => {
    const deep = `{"notes":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    const { canonical, deadLetters } = transform(pageOf(good, email('"6"', deep)))
    expect(canonical.get('email')).toHaveLength(1)
    expect(deadLetters.map(({ headers }) => decodeDeadLetter(headers))).toMatchObject([{ externalId: '6', code: 'mapping' }])
  })

  test('is transformed the same however often it comes', () => {
    expect(transform(pageOf(good))).toEqual(transform(pageOf(good)))
  })

  test.each([
    ['without an id', email('null', '{"address":"a@example.org"}'), 'missing-id', null],
    ['of a wrong type', email('"9"', '{"primary": 12345678901234567890 }'), 'invalid-record', '9'],
    ['that is no object', '[1, 2.50]', 'missing-id', null],
    ['too large for its topic', email('"9"', JSON.stringify({ address: 'x'.repeat(1_100_000) })), 'too-large', '9'],
  ])('with a record %s gives one dead letter with the bytes as received; its neighbours go on', (_, bad, code, externalId) => {
    const { canonical, deadLetters } = transform(pageOf(good, bad, email('"6"', '{}')))
    expect(canonical.get('email')).toHaveLength(2)
    expect(deadLetters).toHaveLength(1)
    expect(deadLetters[0]?.value?.toString()).toBe(bad)
    const letter = decodeDeadLetter({ ...deadLetters[0]?.headers })
    expect(letter).toMatchObject({
      orgId: 'acme',
      entity: 'email',
      stage: 'process',
      code,
      externalId,
      origin: { index: 1, count: 3 },
    })
    expect(letter.reason).not.toContain('12345678901234567890')
  })
})

describe('a message that is no page of ours', () => {
  test.each([
    ['not JSON', { ...pageOf(), value: Buffer.from('{"data": [') }],
    ['null', { ...pageOf(), value: null }],
    ['without headers', { ...pageOf(good), headers: {} }],
    [
      'of an entity that this version does not have',
      { ...pageOf(good), headers: encodePageOrigin({ ...origin, entity: 'starship' }) },
    ],
    ['that carries such an entity', { ...pageOf(good), headers: encodePageOrigin({ ...origin, carries: ['starship'] }) }],
  ])('%s: one dead letter with all of it, nothing thrown', (_, page) => {
    const { canonical, deadLetters } = transform(page)
    expect([...canonical.values()].flat()).toEqual([])
    expect(deadLetters).toHaveLength(1)
    expect(deadLetters[0]?.value).toEqual(page.value ?? Buffer.alloc(0))
    expect(decodeDeadLetter({ ...deadLetters[0]?.headers })).toMatchObject({ code: 'unreadable', origin: undefined })
  })
})

describe('a page of one record that had died', () => {
  const letter = { topic: 'sync.dead-letters', partition: 1, offset: 17n }
  const replayOf = (entity: string, record: string) => ({
    value: Buffer.from(`{"data":[${record}]}`),
    headers: {
      ...encodePageOrigin({ ...origin, entity }),
      [ORIGIN_HEADER]: `${origin.runId}/3/7/2/41/100`,
      [REPLAY_HEADER]: encodePlace(letter),
    },
  })
  const place = { runId: origin.runId, rangeId: 3, page: 7, attempt: 2, index: 41, count: 100 }

  test('becomes the canonical record that it would have been, at its own place', () => {
    const [replayed] = transform(replayOf('email', good)).canonical.get('email') ?? []
    const [first] = transform(pageOf(good)).canonical.get('email') ?? []
    expect(replayed).toMatchObject({ key: first?.key, value: first?.value })
    expect(decodeRecordOrigin(replayed?.headers[ORIGIN_HEADER])).toEqual(place)
    expect(replayed?.headers[REPLAY_HEADER]).toBe('sync.dead-letters/1/17')
  })

  test('that had been derived from another is the same record again', () => {
    const household = `{"type":"Household","id":"4","attributes":{"name":"x"},"relationships":{"people":{"data":[{"type":"Person","id":"9"}]}}}`
    const carrying = { ...origin, entity: 'household', carries: ['household-membership'] }
    const page = Buffer.from(`{"data":[${household}]}`)
    const derived = transform({ value: page, headers: encodePageOrigin(carrying) }).canonical.get('household-membership')?.[0]
    const records = split(pcoManifest, 'household', carrying.carries, JSON.parse(page.toString())).get('household-membership')
    const printed = JSON.stringify(records?.[0]?.raw)
    const again = transform(replayOf('household-membership', printed)).canonical.get('household-membership')?.[0]
    expect(again).toMatchObject({ key: derived?.key, value: derived?.value })
  })

  test('and dies again names its place, the letter that it answers, and when it was observed', () => {
    const { deadLetters } = transform(replayOf('email', email('null', '{}')))
    expect(decodeDeadLetter({ ...deadLetters[0]?.headers })).toMatchObject({
      origin: place,
      replays: letter,
      observedAt: origin.observedAt,
      traceparent: origin.traceparent,
    })
  })
})

describe('what is gone', () => {
  const decoder = createCanonicalDecoder(async (id) => canonicalEntities[id - 1]?.schema)
  const decoded = async (entity: string, value: Buffer | null | undefined) => {
    await decoder.prepare([value ?? Buffer.alloc(0)])
    return { ...decoder.decode(entity, value ?? Buffer.alloc(0)) }
  }

  test('becomes a tombstone of the moment when the source was asked, with no field of its own', async () => {
    const page = { value: encodeGone('5'), headers: encodePageOrigin({ ...origin, gone: true }) }
    const { canonical, deadLetters, records } = transform(page)
    const [message] = canonical.get('email') ?? []
    expect([deadLetters, records]).toEqual([[], 1])
    const [living] = transform(pageOf(good)).canonical.get('email') ?? []
    expect(message?.key).toBe(living?.key)
    expect(decodeRecordOrigin(message?.headers[ORIGIN_HEADER])).toMatchObject({ rangeId: 3, page: 7, index: 0, count: 1 })
    const { observedAt } = origin
    expect(await decoded('email', message?.value)).toMatchObject({
      externalId: '5',
      deletedAt: observedAt,
      observedAt,
      personId: null,
    })
  })

  test('is known by our header alone: no answer of a source can look like it', () => {
    const answer = { ...pageOf(), value: Buffer.from(JSON.stringify({ data: [], gone: { id: '5' } })) }
    expect(transform(answer)).toMatchObject({ records: 0, deadLetters: [] })
    const nameless = transform({ value: Buffer.from('{}'), headers: encodePageOrigin({ ...origin, gone: true }) })
    expect(nameless.canonical.size).toBe(0)
    expect(nameless.deadLetters).toHaveLength(1)
  })

  test('because two were one points to the one that was kept; the ledger awaits it under the name of the merge', async () => {
    const merger = {
      type: 'PersonMerger',
      id: '9',
      attributes: { created_at: '2026-01-02T03:04:05Z', person_to_keep_id: 1 },
      // Ids come as numbers, too.
      relationships: { person_to_remove: { data: { type: 'Person', id: 2 } } },
    }
    const headers = encodePageOrigin({ ...origin, entity: 'person-merger' })
    const { canonical } = transform({ value: Buffer.from(JSON.stringify({ data: [merger] })), headers })
    const [message] = canonical.get('person') ?? []
    expect(decodeRecordOrigin(message?.headers[ORIGIN_HEADER])).toMatchObject({ entity: 'person-merger', index: 0, count: 1 })
    expect(await decoded('person', message?.value)).toMatchObject({
      externalId: '2',
      deletedAt: Date.parse('2026-01-02T03:04:05Z'),
      observedAt: origin.observedAt,
      mergedIntoId: canonicalId('acme', 'pco', 'person', '1'),
      name: null,
      customFields: {},
    })
  })
})

test('a record about a row of another entity dies under its own name, which the ledger awaits it by', () => {
  const merger = '{"type":"PersonMerger","id":"1","attributes":{"created_at":"never","person_to_remove_id":2}}'
  const headers = encodePageOrigin({ ...origin, entity: 'person-merger' })
  const [letter] = transform({ value: Buffer.from(`{"data":[${merger}]}`), headers }).deadLetters
  expect(decodeDeadLetter(letter?.headers ?? {})).toMatchObject({
    entity: 'person-merger',
    externalId: '2',
    origin: { entity: 'person-merger', index: 0, count: 1 },
  })
})
