import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mkEntityManifest } from '../../../manifests/entity-manifest.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { countRecords, split } from '../../../manifests/split.ts'
import { definitionOf } from './definitions.ts'

const person = (id: unknown, more: object = {}) => ({ type: 'Person', id, attributes: { name: `P${id}` }, ...more })
const email = (id: string, personId: string) => ({
  type: 'Email',
  id,
  attributes: { address: 'a@example.org' },
  relationships: { person: { data: { type: 'Person', id: personId } } },
})
const household = (id: unknown, people: readonly unknown[]) => ({
  type: 'Household',
  id,
  attributes: { name: 'Revere' },
  relationships: { primary_contact: { data: null }, people: { data: people } },
})
const pointer = (id: unknown) => ({ type: 'Person', id })

const idsOf = (entity: string, carries: string[], body: unknown) =>
  Object.fromEntries(
    [...split(pcoManifest, entity, carries, body)].map(([name, records]) => [name, records.map((r) => r.externalId)]),
  )

describe('the walked entity', () => {
  test('is the data of the page, in its order', () => {
    expect(idsOf('person', [], { data: [person('2'), person('1'), person('2')] })).toEqual({ person: ['2', '1', '2'] })
  })

  test('is one record when the page is of one', () => {
    expect(idsOf('person', [], { data: person('7') })).toEqual({ person: ['7'] })
  })

  test('has ids as text, whatever they were', () => {
    expect(idsOf('person', [], { data: [person(7), person('007')] })).toEqual({ person: ['7', '007'] })
  })

  test.each([
    [null],
    [''],
    [{}],
    [[]],
    [true],
    [1.5],
    [2 ** 60],
    ['a\u0000b'],
    ['\ud800'],
    [' 7'],
    ['x'.repeat(201)],
    [undefined],
  ])('has no id when it is %j', (id) => expect(idsOf('person', [], { data: [person(id)] })).toEqual({ person: [null] }))

  test.each([[null], ['text'], [7], [[]], [true]])('keeps a record that is %j, without id', (record) => {
    const [made] = split(pcoManifest, 'person', [], { data: [record] }).get('person') ?? []
    expect(made).toEqual({ entity: 'person', externalId: null, attributes: null, related: {}, raw: record })
  })

  test('has attributes null when there are none, and not an empty record', () => {
    const [made] = split(pcoManifest, 'person', [], { data: [{ type: 'Person', id: '1' }] }).get('person') ?? []
    expect(made).toMatchObject({ externalId: '1', attributes: null })
  })

  test('knows what its relationships point to: one, many, none, and not said', () => {
    const [made] =
      split(pcoManifest, 'household', [], { data: [household('1', [pointer('2'), pointer(3)])] }).get('household') ?? []
    expect(made?.related).toEqual({ primary_contact: null, people: ['2', '3'] })
    const [bare] = split(pcoManifest, 'household', [], { data: [{ type: 'Household', id: '1' }] }).get('household') ?? []
    expect(bare?.related).toEqual({})
  })
})

describe('carried entities', () => {
  test('come from what is included, each type to its entity, others ignored', () => {
    const body = {
      data: [person('1')],
      included: [email('5', '1'), { type: 'Organization', id: '9' }, email('6', '1')],
    }
    expect(idsOf('person', ['email', 'address'], body)).toEqual({ person: ['1'], email: ['5', '6'], address: [] })
  })

  test('are not passed over where nothing says of what they are: each is one record of the page, without id', () => {
    const nobodys = [{ id: '7', attributes: {} }, { ...email('8', '1'), type: '' }, { ...email('9', '1'), type: 5 }, null, 'x']
    const body = { data: [person('1')], included: [email('5', '1'), ...nobodys] }
    const records = split(pcoManifest, 'person', ['email'], body)
    expect(countRecords(records)).toEqual({ person: 6, email: 1 })
    expect(records.get('person')?.slice(1)).toEqual(
      nobodys.map((raw) => ({ entity: 'person', externalId: null, attributes: null, related: {}, raw, isUntyped: true })),
    )
  })

  test('without a type derive nothing, and are none of the page where nothing is taken from what is included', () => {
    const body = { data: [household('10', [pointer('1')])], included: [{ id: '1', attributes: { name: 'P1' } }] }
    expect(idsOf('household', ['household-membership'], body)).toEqual({ household: ['10'], 'household-membership': ['10:1'] })
  })

  test('are taken only when asked for', () => {
    expect(idsOf('person', [], { data: [person('1')], included: [email('5', '1')] })).toEqual({ person: ['1'] })
  })

  test('are derived from pairs: one membership for each person of a household', () => {
    const body = { data: [household('10', [pointer('1'), pointer('2')]), household('11', [])], included: [person('1')] }
    const memberships = split(pcoManifest, 'household', ['household-membership'], body).get('household-membership')
    expect(memberships).toMatchObject([
      { externalId: '10:1', attributes: { person_name: 'P1' }, related: { household: '10', person: '1' } },
      { externalId: '10:2', attributes: { person_name: null }, related: { household: '10', person: '2' } },
    ])
  })

  test('are not derived from a household without id, whose dead letter holds them', () => {
    const body = { data: [household(null, [pointer('1')])] }
    expect(idsOf('household', ['household-membership'], body)).toEqual({ household: [null], 'household-membership': [] })
  })
})

describe('a membership of a household from its own page', () => {
  const own = (links: object, relationships: object) => ({
    data: [{ type: 'HouseholdMembership', id: '77', attributes: { pending: true }, relationships, links }],
  })
  const ofPerson = { person: { data: pointer('1') } }

  test('has the same external id as the derived one, and its own id among the attributes', () => {
    const body = own({ self: 'https://api.example.org/people/v2/households/10/household_memberships/77' }, ofPerson)
    const [made] = split(pcoManifest, 'household-membership', [], body).get('household-membership') ?? []
    expect(made).toMatchObject({
      externalId: '10:1',
      attributes: { id: '77', pending: true },
      related: { household: '10', person: '1' },
    })
  })

  test('believes the relationship before the link', () => {
    const body = own(
      { self: 'https://api.example.org/people/v2/people/1/household_memberships/77' },
      { ...ofPerson, household: { data: { type: 'Household', id: '12' } } },
    )
    expect(idsOf('household-membership', [], body)).toEqual({ 'household-membership': ['12:1'] })
  })

  test('has no id when it names no household', () => {
    expect(idsOf('household-membership', [], own({}, ofPerson))).toEqual({ 'household-membership': [null] })
  })
})

test('every key is there, whatever the body', () => {
  for (const body of [null, undefined, [], 'x', 7, {}, { data: null }]) {
    expect(countRecords(split(pcoManifest, 'person', ['email', 'address'], body))).toEqual({ person: 0, email: 0, address: 0 })
  }
})

test('of an API that is not JSON:API, records are where its definition finds them; a letter that is replayed has them as data', () => {
  const recordsIn = (body: unknown) => (Array.isArray(body) ? body : undefined)
  const manifest = mkEntityManifest('x', [definitionOf('a', {}, { recordsIn })])
  const records = (body: unknown) =>
    split(manifest, 'a', [], body)
      .get('a')
      ?.map(({ externalId }) => externalId)
  expect(records([{ id: 1 }, { id: '2' }, null])).toEqual(['1', '2', null])
  expect(records({ data: [{ id: 3 }] })).toEqual(['3'])
  expect(records({ other: [{ id: 3 }] })).toEqual([])
})

test('never throws and counts every element of data, on any JSON', () => {
  const names = fc.constantFrom(
    'data',
    'included',
    'type',
    'id',
    'attributes',
    'relationships',
    'people',
    'person',
    'links',
    'self',
  )
  const values = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom('Person', 'Email', 'Household', '1', '2'),
      fc.jsonValue(),
      tie('list'),
      tie('object'),
    ),
    list: fc.array(tie('any'), { maxLength: 4 }),
    object: fc.dictionary(names, tie('any'), { maxKeys: 6 }),
  }))
  fc.assert(
    fc.property(fc.array(values.any, { maxLength: 5 }), fc.array(values.any, { maxLength: 5 }), (data, included) => {
      const counts = countRecords(split(pcoManifest, 'person', ['email', 'phone-number'], { data, included }))
      const nobodys = included.filter((one) => typeof Object(one).type !== 'string' || Object(one).type === '')
      expect(counts['person']).toBe(data.length + nobodys.length)
      const households = countRecords(split(pcoManifest, 'household', ['household-membership'], { data, included }))
      expect(households['household']).toBe(data.length)
      expect(countRecords(split(pcoManifest, 'household-membership', [], { data, included }))['household-membership']).toBe(
        data.length,
      )
    }),
  )
})
