import { describe, expect, test } from 'vitest'
import { canonicalId } from '../../../manifests/identity.ts'
import type { EntityDefinition, SourceRecord } from '../../../manifests/manifest.ts'
import { mapRecord } from '../../../manifests/map.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { split } from '../../../manifests/split.ts'
import { encodeCanonical } from '../../../topics/canonical-codec.ts'
import { definitionOf } from './definitions.ts'

const page = { orgId: 'acme', source: 'pco', observedAt: 1_700_000_000_000 }

const recordOf = (
  entity: string,
  attributes: SourceRecord['attributes'],
  related: SourceRecord['related'] = {},
): SourceRecord => ({
  entity,
  externalId: '1',
  attributes,
  related,
  raw: {},
})

const map = (entity: string, attributes: SourceRecord['attributes'], related: SourceRecord['related'] = {}) =>
  mapRecord(pcoManifest.get(entity), recordOf(entity, attributes, related), page)

const mapped = (...args: Parameters<typeof map>) => {
  const result = map(...args)
  if (!result.ok) throw new Error(result.reason)
  return result.record
}

describe('a canonical record', () => {
  test('says whose it is, where it comes from, when, and by which mapping', () => {
    expect(mapped('campus', { name: 'North', updated_at: '2024-01-02T03:04:05Z' })).toMatchObject({
      id: canonicalId('acme', 'pco', 'campus', '1'),
      orgId: 'acme',
      source: 'pco',
      externalId: '1',
      sourceUpdatedAt: Date.parse('2024-01-02T03:04:05Z'),
      observedAt: page.observedAt,
      mappingRevision: 1,
      deletedAt: null,
      name: 'North',
    })
  })

  test('has null where an attribute is missing or null', () => {
    expect(mapped('person', { first_name: null })).toMatchObject({
      firstName: null,
      lastName: null,
      child: null,
      sourceUpdatedAt: null,
    })
  })

  test('refers to others by their canonical ids', () => {
    expect(mapped('person', {}, { primary_campus: '3' })['primaryCampusId']).toBe(canonicalId('acme', 'pco', 'campus', '3'))
    expect(mapped('household', { primary_contact_id: 7 })['primaryContactId']).toBe(canonicalId('acme', 'pco', 'person', '7'))
    expect(mapped('household', { primary_contact_id: '' })['primaryContactId']).toBeNull()
    expect(mapped('event', {}, { group: '9', attendance_submitter: null })).toMatchObject({
      groupId: canonicalId('acme', 'pco', 'group', '9'),
      attendanceSubmitterId: null,
    })
  })

  test('of a group membership finds the group in the self link when no relationship names it', () => {
    const self = 'https://api.example.org/groups/v2/groups/44/memberships/5'
    const record = { ...recordOf('group-membership', {}, { person: '1' }), raw: { links: { self } } }
    expect(mapRecord(pcoManifest.get('group-membership'), record, page)).toMatchObject({
      record: { groupId: canonicalId('acme', 'pco', 'group', '44') },
    })
  })

  test('of a group membership listed below a person takes no part of the path for a group', () => {
    const self = 'https://api.example.org/groups/v2/people/1/memberships/5'
    const record = { ...recordOf('group-membership', {}, { person: '1' }), raw: { links: { self } } }
    expect(mapRecord(pcoManifest.get('group-membership'), record, page)).toMatchObject({ record: { groupId: null } })
  })

  test('of a membership in a household is the same whether derived or from its own page', () => {
    const person = { data: { type: 'Person', id: '1' } }
    const derived = split(pcoManifest, 'household', ['household-membership'], {
      data: [{ type: 'Household', id: '10', attributes: {}, relationships: { people: { data: [person.data] } } }],
    }).get('household-membership')
    const own = split(pcoManifest, 'household-membership', [], {
      data: [
        {
          type: 'HouseholdMembership',
          id: '77',
          attributes: {},
          relationships: { person },
          links: { self: 'https://api.example.org/people/v2/households/10/household_memberships/77' },
        },
      ],
    }).get('household-membership')
    const [a, b] = [derived, own].map((records) => {
      const result = records?.[0] && mapRecord(pcoManifest.get('household-membership'), records[0], page)
      return result?.ok ? result.record : undefined
    })
    expect(a).toMatchObject({ householdId: canonicalId('acme', 'pco', 'household', '10'), membershipId: null, customFields: {} })
    expect(b).toEqual({ ...a, membershipId: '77' })
  })

  test.each([
    ['person', 'remote_id', 123, 'remoteId', '123'],
    ['person', 'remote_id', 'A-1', 'remoteId', 'A-1'],
    ['person', 'grade', '-1', 'grade', -1],
    ['person', 'birthdate', '1885-01-02', 'birthdate', -31_044],
    ['campus', 'latitude', '33.5', 'latitude', 33.5],
    ['campus', 'latitude', 33.5, 'latitude', 33.5],
    ['group', 'tag_ids', [1, 2], 'tagIds', '[1,2]'],
    ['group', 'header_image', { thumbnail: 'x' }, 'headerImage', '{"thumbnail":"x"}'],
    ['person', 'medical_notes', 'a\u0000b\ud800', 'medicalNotes', 'a\ufffdb\ufffd'],
  ])('takes %s.%s %j', (entity, attribute, value, field, expected) => {
    expect(mapped(entity, { [attribute]: value })[field]).toBe(expected)
  })

  test('keeps attributes that nobody knows as JSON text, safe for jsonb', () => {
    const { customFields } = mapped('email', {
      address: 'a@example.org',
      tags: ['x', { 'k\u0000': null }],
      'odd\u0000': 1,
      toString: 2,
    })
    expect(customFields).toEqual({ tags: '["x",{"k\ufffd":null}]', 'odd\ufffd': '1', toString: '2' })
  })
})

describe('a record that cannot be mapped', () => {
  const secret = 'S3CRET'

  test.each([
    ['person', 'first_name', 42, 'must be text'],
    ['person', 'first_name', { [secret]: 1 }, 'must be text'],
    ['person', 'child', secret, 'must be true or false'],
    ['person', 'birthdate', secret, 'must be a date'],
    ['person', 'created_at', '10000-01-01T00:00:00Z', 'must be a time'],
    ['person', 'grade', 3_000_000_000, 'must be a whole number'],
    ['person', 'remote_id', [secret], 'must be text or a whole number'],
    ['campus', 'latitude', Number.NaN, 'must be a number'],
  ])('%s.%s %j is named by field and rule, without its value', (entity, attribute, value, rule) => {
    const result = map(entity, { [attribute]: value })
    expect(result).toMatchObject({ ok: false, code: 'invalid-record', externalId: '1' })
    expect(result).toHaveProperty('reason', expect.stringContaining(`${attribute} ${rule}`))
    expect(JSON.stringify(result)).not.toContain(secret)
  })

  test('names every wrong field, in at most 500 characters', () => {
    const result = map('person', { first_name: 1, child: 1, updated_at: 1 })
    expect(result).toMatchObject({ reason: expect.stringMatching(/first_name .*; child .*; updated_at /) })
    const wrong = Object.fromEntries(Object.keys(pcoManifest.get('person').attributes.shape).map((name) => [name, [Number.NaN]]))
    const all = map('person', wrong)
    expect(all.ok ? 0 : all.reason.length).toBeLessThanOrEqual(500)
  })

  test('without an id says so', () => {
    const record = { ...recordOf('person', {}), externalId: null }
    expect(mapRecord(pcoManifest.get('person'), record, page)).toMatchObject({ ok: false, code: 'missing-id', externalId: null })
  })

  test('without attributes never becomes a row of nulls', () => {
    expect(map('person', null)).toMatchObject({ ok: false, code: 'invalid-record', reason: 'attributes must be an object' })
  })

  test('because its mapping throws names the entity and the kind of error alone', () => {
    const broken: EntityDefinition = definitionOf(
      'a',
      {},
      {
        canonical: {
          entity: 'a',
          revision: 1,
          map: () => {
            throw new TypeError(secret)
          },
        },
      },
    )
    expect(mapRecord(broken, recordOf('a', {}), page)).toMatchObject({
      code: 'mapping',
      reason: 'The mapping of a failed: TypeError',
    })
  })
})

test('whatever is mapped can be encoded', () => {
  for (const definition of pcoManifest.definitions) {
    const result = mapRecord(definition, recordOf(definition.entity, {}), page)
    expect(result.ok && encodeCanonical(definition.canonical.entity, 1, result.record).length).toBeGreaterThan(5)
  }
})
