// What Planning Center's deliveries say, and that nothing they may hold makes the reader throw.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pcoManifest } from '../../../manifests/pco/index.ts'

const { deliveries } = pcoManifest
const read = (body: unknown) => deliveries?.read(body) ?? []
const eventOf = (name: unknown, payload: unknown) => ({ attributes: { name, payload } })

const MERGER = 'people.v2.events.person_merger.created'

test('every event of the manifest has a reader', () => {
  const declared = pcoManifest.definitions.flatMap(({ webhooks }) => webhooks)
  expect(deliveries?.events).toEqual(declared)
  expect(declared).toContain(MERGER)
  for (const event of declared.filter((name) => name !== MERGER)) {
    const kind = event.endsWith('.destroyed') ? 'removed' : 'changed'
    expect(read({ data: [eventOf(event, '{"data":{"id":"1"}}')] })).toMatchObject([
      { kind, event, document: { data: { id: '1' } } },
    ])
  }
})

test('a merger names both people, by relationships or attributes, as texts or numbers', () => {
  const merger = (data: object) => read({ data: [eventOf(MERGER, JSON.stringify({ data }))] })
  const relationships = { person_to_keep: { data: { id: 1 } }, person_to_remove: { data: { id: '2' } } }
  expect(merger({ relationships })).toMatchObject([{ kind: 'ask', entity: 'person', externalIds: ['2', '1'] }])
  expect(merger({ attributes: { person_to_keep_id: 1, person_to_remove_id: 2 } })).toMatchObject([{ externalIds: ['2', '1'] }])
  expect(merger({})).toMatchObject([{ kind: 'broken' }])
})

test('an event without a name, of an unknown name, or with a payload that is no object is told as such', () => {
  const name = 'people.v2.events.person.updated'
  expect(read({ data: [eventOf(5, '{}'), eventOf('people.v2.events.person.seen', '{}')] }).map(({ kind }) => kind)).toEqual([
    'unknown',
    'unknown',
  ])
  expect(read({ data: [eventOf(name, '[]'), eventOf(name, 'x'), eventOf(name, null)] }).map(({ kind }) => kind)).toEqual([
    'broken',
    'broken',
    'broken',
  ])
})

test("each delivery says whose it is; what says nothing is nobody's", () => {
  const of = (id: unknown) => ({ relationships: { organization: { data: { type: 'Organization', id } } } })
  const accounts = (body: unknown) => deliveries?.accounts(body)
  expect(accounts({ data: [of('1'), of(1), of('2')] })).toEqual(['1', '2'])
  expect(accounts({ data: of('3') })).toEqual(['3'])
  for (const body of [undefined, null, {}, { data: [null, {}, of(null)] }]) expect(accounts(body)).toEqual([])
})

test('whatever a body holds, reading it does not throw', () => {
  const name = fc.constantFrom(...(deliveries?.events ?? []), 'other')
  const event = fc.record({
    attributes: fc.record({ name: fc.oneof(name, fc.anything()), payload: fc.oneof(fc.json(), fc.anything()) }),
  })
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.record({ data: fc.array(fc.oneof(event, fc.anything())) })),
      (body) => void [read(body), deliveries?.accounts(body)],
    ),
  )
})
