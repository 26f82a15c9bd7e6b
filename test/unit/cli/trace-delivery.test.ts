// Which delivery told of a version: by the receipt of a deletion, by the record's own time of a change; others of the same record do not.
import { describe, expect, test } from 'vitest'
import { eventAbout, isToldBy } from '../../../cli/trace-delivery.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'

const of = { orgId: 'acme', source: 'pco', definition: pcoManifest.get('person'), id: '', externalId: '7' }
const RECEIVED_AT = 1_700_000_000_000
const UPDATED_AT = '2026-01-01T00:00:00Z'

const body = (name: string, payload: object): Buffer =>
  Buffer.from(JSON.stringify({ data: [{ type: 'EventDelivery', attributes: { name, payload: JSON.stringify(payload) } }] }))
const person = (id: string, updated_at = UPDATED_AT) => ({ data: { type: 'Person', id, attributes: { updated_at } } })
const updated = (id: string, at?: string) => body('people.v2.events.person.updated', person(id, at))
const destroyed = (id: string) => body('people.v2.events.person.destroyed', person(id))

const version = { id: '', source: 'pco', externalId: '7', mappingRevision: 0, contentHash: '' }
const living = { ...version, sourceUpdatedAt: new Date(UPDATED_AT), observedAt: new Date(0), deletedAt: null }
const gone = { ...version, sourceUpdatedAt: null, observedAt: new Date(RECEIVED_AT), deletedAt: new Date(RECEIVED_AT) }

const tells = (delivery: Buffer, of_: typeof living | typeof gone, receivedAt = RECEIVED_AT): boolean => {
  const event = eventAbout(pcoManifest, of, delivery)
  return event !== undefined && isToldBy(pcoManifest, of, of_, { event, receivedAt })
}

describe('a delivery', () => {
  test('is about the record that its payload is of, not about one whose id stands somewhere in it', () => {
    expect(eventAbout(pcoManifest, of, updated('7'))).toMatchObject({ kind: 'changed', entity: 'person' })
    expect(eventAbout(pcoManifest, of, updated('17'))).toBeUndefined()
    expect(
      eventAbout(pcoManifest, of, body('people.v2.events.email.updated', { data: { type: 'Email', id: '7' } })),
    ).toBeUndefined()
    const merger = { data: { type: 'PersonMerger', attributes: { person_to_keep_id: 3, person_to_remove_id: 7 } } }
    expect(eventAbout(pcoManifest, of, body('people.v2.events.person_merger.created', merger))).toMatchObject({ kind: 'ask' })
    expect(eventAbout(pcoManifest, of, Buffer.from('7, and no JSON'))).toBeUndefined()
  })

  test('of a change told the version of the same updated_at', () => {
    expect(tells(updated('7'), living)).toBe(true)
    expect(tells(updated('7', '2026-01-01T00:00:01Z'), living)).toBe(false)
    expect(tells(destroyed('7'), living)).toBe(false)
  })

  test('of a deletion told the tombstone of the moment of its receipt', () => {
    expect(tells(destroyed('7'), gone)).toBe(true)
    expect(tells(destroyed('7'), gone, RECEIVED_AT + 1)).toBe(false)
    expect(tells(updated('7'), gone)).toBe(false)
  })
})
