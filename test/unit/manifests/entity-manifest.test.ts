import { describe, expect, expectTypeOf, test } from 'vitest'
import { mkEntityManifest } from '../../../manifests/entity-manifest.ts'
import type { EntityDefinition, EntityName, Manifest } from '../../../manifests/manifest.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { definitionOf } from './definitions.ts'

describe('types', () => {
  test('names, endpoints and attributes are known to the compiler', () => {
    type Name = EntityName<(typeof pcoManifest)['definitions']>
    expectTypeOf<Name>().toEqualTypeOf<
      | 'campus'
      | 'household'
      | 'person'
      | 'household-membership'
      | 'address'
      | 'email'
      | 'phone-number'
      | 'group'
      | 'group-membership'
      | 'event'
      | 'person-merger'
    >()
    const person = pcoManifest.get('person')
    expectTypeOf(person.endpoints.list).toEqualTypeOf<'/people/v2/people'>()
    expectTypeOf(person.includes[0]).toEqualTypeOf<'addresses'>()
    expectTypeOf(person.attributes.parse({}).birthdate).toEqualTypeOf<number | null>()
    expectTypeOf(pcoManifest.get('event').endpoints).not.toHaveProperty('create')
  })

  test('a name that is not known when compiling gives a definition of any entity', () => {
    const name: string = 'person'
    expectTypeOf(pcoManifest.get(name)).toEqualTypeOf<EntityDefinition>()
    expectTypeOf(pcoManifest).toExtend<Manifest>()
  })
})

describe('look-ups', () => {
  test('by name, by resource type and by alias', () => {
    expect(pcoManifest.get('campus').entity).toBe('campus')
    expect(pcoManifest.byType('PrimaryCampus')?.entity).toBe('campus')
    expect(pcoManifest.byType('Membership')?.entity).toBe('group-membership')
    expect(pcoManifest.byType('GroupType')).toBeUndefined()
    expect(['person', 'nobody', 'constructor'].map(pcoManifest.has)).toEqual([true, false, false])
  })

  test('an unknown name is a usage error with the nearest valid ones', () => {
    const name: string = 'phone_numbers'
    expect(() => pcoManifest.get(name)).toThrow(
      expect.objectContaining({ code: 'usage', remedy: expect.stringContaining('phone-number') }),
    )
  })
})

describe('definitions that contradict each other are refused', () => {
  const a = definitionOf('a', {})
  test.each([
    ['a name twice', [a, { ...a, resource: { type: 'Other' } }], 'a is defined twice'],
    [
      'a resource type twice',
      [a, definitionOf('b', {}, { resource: { type: 'B', aliases: ['A'] } })],
      'resource type A belongs to a and to b',
    ],
    ['a name that is not kebab-case', [definitionOf('Phone_Number', {})], "'Phone_Number' is not a kebab-case name"],
    ['an unknown parent', [definitionOf('a', {}, { paging: { kind: 'parents', parent: 'z' } })], 'below z, which is not defined'],
    [
      'no path below the parent',
      [a, definitionOf('b', {}, { paging: { kind: 'parents', parent: 'a' } })],
      'b has no path below a',
    ],
    ['no path of a list', [definitionOf('a', {}, { endpoints: {} })], 'a has no path of a list'],
    [
      'a keyset that cannot be filtered',
      [definitionOf('a', {}, { paging: { kind: 'keyset', field: 'f' }, orderable: ['f'] })],
      'a cannot be both ordered and filtered by f',
    ],
    [
      'an order that cannot be',
      [definitionOf('a', {}, { paging: { kind: 'offset', order: 'f', mutable: true } })],
      'a cannot be ordered by f',
    ],
    [
      'an edge to nowhere',
      [definitionOf('a', {}, { edges: [{ to: 'z', kind: 'soft', reason: '' }] })],
      'edge to z, which is not defined',
    ],
    [
      'a carrier that is not there',
      [definitionOf('a', {}, { carriedBy: { carrier: 'z', include: 'as', how: 'included' } })],
      'carried by z, which is not defined',
    ],
    [
      'a carrier that cannot include it',
      [a, definitionOf('b', {}, { carriedBy: { carrier: 'a', include: 'bs', how: 'included' } })],
      'a cannot include bs to carry b',
    ],
    [
      'a carrier that is carried',
      [
        definitionOf('a', {}, { includes: ['bs'] }),
        definitionOf('b', {}, { includes: ['cs'], carriedBy: { carrier: 'a', include: 'bs', how: 'included' } }),
        definitionOf('c', {}, { carriedBy: { carrier: 'b', include: 'cs', how: 'included' } }),
      ],
      'c is carried by b, which is itself carried',
    ],
  ])('%s', (_, definitions, message) => {
    expect(() => mkEntityManifest('x', definitions)).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining(message) }),
    )
  })
})
