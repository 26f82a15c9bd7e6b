import { beforeAll, describe, expect, test } from 'vitest'
import type { SourceRecord } from '../../../manifests/manifest.ts'
import { createMapper } from '../../../manifests/map.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { split } from '../../../manifests/split.ts'
import { canonicalEntity } from '../../../topics/canonical.ts'
import { type CanonicalRecord, createCanonicalDecoder, encodeCanonical } from '../../../topics/canonical-codec.ts'
import { recordedPages } from './pages.ts'

const CARRIED = ['email', 'address']
const records: SourceRecord[] = recordedPages().flatMap((page) =>
  [...split(pcoManifest, 'person', CARRIED, page).values()].flat(),
)
const ofEntity = (entity: string) => records.filter((record) => record.entity === entity)

const map = createMapper('acme', 'pco')
const mapped = (record: SourceRecord): CanonicalRecord => {
  const result = map(pcoManifest.get(record.entity), record, 1_700_000_000_000)
  if (!result.ok) throw new Error(`${record.entity} ${record.externalId}: ${result.code} ${result.reason}`)
  return result.record
}

test('the recorded pages hold people, e-mail addresses and addresses', () => {
  expect(new Set(ofEntity('person').map(({ externalId }) => externalId)).size).toBeGreaterThanOrEqual(200)
  expect(ofEntity('email').length).toBeGreaterThan(100)
  expect(ofEntity('address').length).toBeGreaterThan(0)
})

test('every recorded record maps, without a dead letter', () => {
  const failures = records.map((record) => map(pcoManifest.get(record.entity), record, 1)).filter(({ ok }) => !ok)
  expect(failures).toEqual([])
})

describe('through Avro and back', () => {
  const decoder = createCanonicalDecoder(async (id) => canonicalEntity(['', 'person', 'email', 'address'][id] ?? '').schema)
  const schemaIds: Readonly<Record<string, number>> = { person: 1, email: 2, address: 3 }
  beforeAll(() => decoder.prepare(Object.values(schemaIds).map((id) => Buffer.from([0, 0, 0, 0, id]))))

  test('every recorded record comes back the same', () => {
    for (const record of records) {
      const canonical = mapped(record)
      const bytes = encodeCanonical(record.entity, schemaIds[record.entity] ?? 0, canonical)
      expect({ ...decoder.decode(record.entity, bytes) }).toEqual(canonical)
    }
  })
})

test('a recorded person has its attributes under their canonical names', () => {
  const paul = ofEntity('person').find(({ externalId }) => externalId === '45029164')
  expect(paul && mapped(paul)).toMatchObject({
    id: 'c3bd1889-145e-5e95-aa00-71b0f2464872',
    externalId: '45029164',
    firstName: 'Paul',
    lastName: 'Revere',
    status: 'active',
    child: false,
    birthdate: null,
    createdAt: Date.parse('2018-11-25T20:31:31Z'),
    sourceUpdatedAt: Date.parse('2018-11-25T20:31:31Z'),
    observedAt: 1_700_000_000_000,
    deletedAt: null,
    customFields: {},
  })
})

test('an attribute of an older API version is kept as a custom field', () => {
  const [address] = ofEntity('address')
  expect(address && mapped(address)).toMatchObject({
    city: 'Boston',
    streetLine1: null,
    customFields: { street: '"123 Ride Way"' },
    personId: 'c3bd1889-145e-5e95-aa00-71b0f2464872',
  })
})
