// Deliveries and answers become hints, deletions, asks and dead letters; none of them belongs to a run.
import { describe, expect, test } from 'vitest'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { createLiveTransform } from '../../../processors/live.ts'
import { parseAsk } from '../../../topics/asks.ts'
import { canonicalEntities } from '../../../topics/canonical.ts'
import { createCanonicalDecoder } from '../../../topics/canonical-codec.ts'
import { decodeDeadLetter, REPLAY_HEADER } from '../../../topics/dead-letters.ts'
import { decodeParents, ORIGIN_HEADER, PARENTS_HEADER } from '../../../topics/headers.ts'
import { HINT_OBSERVED_AT, HINT_REVISION } from '../../../topics/hints.ts'
import { encodeLiveOrigin, type LiveOrigin } from '../../../topics/live.ts'

const schemaIds = new Map(canonicalEntities.map(({ entity }, n) => [entity, n + 1]))
const transform = createLiveTransform({ manifest: pcoManifest, schemaIds })
const RECEIVED_AT = 1_700_000_000_000

const decode = async (entity: string, value: Buffer | null | undefined) => {
  const schemas = canonicalEntities.map(({ schema }) => schema)
  const decoder = createCanonicalDecoder(async (id) => schemas[id - 1] ?? {})
  await decoder.prepare([value ?? null])
  return decoder.decode(entity, value ?? Buffer.alloc(0))
}

const owner = { orgId: 'acme', source: 'pco', traceparent: '' }
const send = (value: Buffer, origin: LiveOrigin, more: Record<string, string> = {}) =>
  transform({ value, headers: { ...encodeLiveOrigin(origin), ...more } })

const eventOf = (name: string, payload: unknown) => ({
  type: 'EventDelivery',
  id: '1',
  attributes: { name, attempt: 1, payload: typeof payload === 'string' ? payload : JSON.stringify(payload) },
})
const bodyOf = (...events: readonly unknown[]) => Buffer.from(JSON.stringify({ data: events }))
const deliver = (...events: readonly unknown[]) =>
  send(bodyOf(...events), { kind: 'delivery', ...owner, receivedAt: RECEIVED_AT })

const person = (attributes: object) => ({ data: { type: 'Person', id: '7', attributes } })
const membership = {
  data: {
    type: 'Membership',
    id: '5',
    attributes: { role: 'leader', joined_at: '2024-01-01T00:00:00Z' },
    relationships: { person: { data: { type: 'Person', id: '7' } }, group: { data: { type: 'Group', id: '3' } } },
  },
}

describe('a delivery', () => {
  test('of a change becomes a canonical record that is older than any observation of its updated_at', async () => {
    const { canonical, deadLetters, asks } = deliver(
      eventOf('people.v2.events.person.updated', person({ first_name: 'Ana', updated_at: '2024-01-01T00:00:00Z' })),
    )
    expect([deadLetters, asks]).toEqual([[], []])
    const [message] = canonical.get('person') ?? []
    expect(message?.headers).not.toHaveProperty(ORIGIN_HEADER)
    const record = await decode('person', message?.value)
    expect(record).toMatchObject({ externalId: '7', firstName: 'Ana', observedAt: HINT_OBSERVED_AT, deletedAt: null })
    expect(record.sourceUpdatedAt).toBe(Date.parse('2024-01-01T00:00:00Z'))
  })

  test('of a deletion becomes a tombstone of the moment in which it was received', async () => {
    const destroyed = { data: { type: 'Membership', id: '5', relationships: membership.data.relationships } }
    const { canonical } = deliver(eventOf('groups.v2.events.membership.destroyed', destroyed))
    const [message] = canonical.get('group-membership') ?? []
    const record = await decode('group-membership', message?.value)
    expect(record).toMatchObject({ externalId: '5', deletedAt: RECEIVED_AT, observedAt: RECEIVED_AT, role: null, groupId: null })
    expect(record.mappingRevision).toBe(HINT_REVISION)
    expect(decodeParents(message?.headers[PARENTS_HEADER])).toEqual(['3', '7'])
  })

  test('of something without an updated_at becomes a question that names its parents, and no record', () => {
    const { canonical, asks } = deliver(eventOf('groups.v2.events.membership.updated', membership))
    expect(canonical.size).toBe(0)
    expect(asks.map(({ value }) => parseAsk(value))).toEqual([
      { orgId: 'acme', source: 'pco', entity: 'group-membership', externalId: '5', parents: { group_id: '3', person_id: '7' } },
    ])
  })

  test('of a merger asks for both people', () => {
    const relationships = {
      person_to_keep: { data: { type: 'Person', id: 1 } },
      person_to_remove: { data: { type: 'Person', id: '2' } },
    }
    const { asks } = deliver(
      eventOf('people.v2.events.person_merger.created', { data: { type: 'PersonMerger', id: '9', relationships } }),
    )
    expect(asks.map(({ value }) => parseAsk(value)?.externalId)).toEqual(['2', '1'])
  })

  test('with several events keeps the good ones, and each bad one dies with its own bytes', () => {
    const good = eventOf('people.v2.events.person.updated', person({ updated_at: '2024-01-01T00:00:00Z' }))
    const bad = [
      eventOf('people.v2.events.person.levitated', person({})),
      eventOf('people.v2.events.person.updated', 'not json'),
      eventOf('people.v2.events.person.updated', person({ birthdate: 'soon', updated_at: 'never' })),
      eventOf('people.v2.events.person.destroyed', { data: { type: 'Person' } }),
    ]
    const { canonical, deadLetters } = deliver(good, ...bad)
    expect(canonical.get('person')).toHaveLength(1)
    const letters = deadLetters.map(({ headers }) => decodeDeadLetter(headers))
    expect(letters.map(({ code }) => code)).toEqual(['unknown-event', 'invalid-record', 'invalid-record', 'missing-id'])
    expect(
      letters.every(({ origin, live, observedAt }) => origin === undefined && live === 'delivery' && observedAt === RECEIVED_AT),
    ).toBe(true)
    expect(deadLetters.map(({ value }) => JSON.parse(String(value)))).toEqual(bad)
  })

  test('that is no JSON, or has no data, is a dead letter with all of its bytes', () => {
    const origin: LiveOrigin = { kind: 'delivery', ...owner, receivedAt: RECEIVED_AT }
    for (const [text, code] of [
      ['<html>', 'unreadable'],
      ['{}', 'unknown-event'],
      ['null', 'unknown-event'],
    ]) {
      const { deadLetters } = send(Buffer.from(text ?? ''), origin)
      expect(deadLetters).toMatchObject([{ value: Buffer.from(text ?? ''), headers: { code } }])
    }
  })

  test('that is replayed takes the letter along, to the record, the question, or the letter that follows', () => {
    const origin: LiveOrigin = { kind: 'delivery', ...owner, receivedAt: RECEIVED_AT }
    const place = 'sync.dead-letters/1/17'
    const replay = (event: unknown) => send(bodyOf(event), origin, { [REPLAY_HEADER]: place })
    const [record] =
      replay(eventOf('people.v2.events.person.updated', person({ updated_at: '2024-01-01T00:00:00Z' }))).canonical.get(
        'person',
      ) ?? []
    expect(record?.headers[REPLAY_HEADER]).toBe(place)
    const [ask] = replay(eventOf('groups.v2.events.membership.updated', membership)).asks
    expect(parseAsk(ask?.value ?? null)?.replays).toBe(place)
    const [letter] = replay(eventOf('people.v2.events.person.updated', 'still not json')).deadLetters
    expect(letter?.headers[REPLAY_HEADER]).toBe(place)
  })
})

describe('an answer for one record', () => {
  test('is an observation of its moment, with the mapping that made it', async () => {
    const body = Buffer.from(JSON.stringify(person({ first_name: 'Ana', updated_at: '2024-01-01T00:00:00Z' })))
    const { canonical } = send(body, { kind: 'record', ...owner, entity: 'person', observedAt: 42 })
    const record = await decode('person', canonical.get('person')?.[0]?.value)
    expect(record).toMatchObject({
      observedAt: 42,
      mappingRevision: pcoManifest.get('person').canonical.revision,
      firstName: 'Ana',
    })
  })

  test('that there is none is a tombstone of its moment', async () => {
    const { canonical } = send(Buffer.alloc(0), { kind: 'gone', ...owner, entity: 'person', externalId: '7', observedAt: 42 })
    const record = await decode('person', canonical.get('person')?.[0]?.value)
    expect(record).toMatchObject({ externalId: '7', observedAt: 42, deletedAt: 42, mappingRevision: 1 })
  })
})
