import { describe, expect, test } from 'vitest'
import type { EntityDefinition } from '../../../manifests/manifest.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { type DeltaBase, deltaOf } from '../../../manifests/strategy.ts'

const person: EntityDefinition = pcoManifest.get('person')
const base: DeltaBase = {
  watermarks: new Map([['person', new Date('2026-02-01T00:00:00.900Z')]]),
  lookBackMs: 60_000,
  since: null,
  now: new Date('2026-03-01T00:00:00Z'),
}

describe('what a delta asks for', () => {
  test('begins at the second in which the watermark less the look-back lies, or before', () => {
    expect(deltaOf(person, base)).toEqual({
      changes: { field: 'updated_at', since: '2026-01-31T23:59:00Z', direction: 'up' },
      why: null,
    })
  })

  test('is everything where the API does not keep changes for so long, and says so', () => {
    expect(deltaOf({ ...person, changesKeptDays: 60 }, base).changes).not.toBeNull()
    expect(deltaOf({ ...person, changesKeptDays: 20 }, base)).toEqual({
      changes: null,
      why: 'everything: the API keeps changes for 20 days',
    })
    const since = new Date('2026-01-01T00:00:00Z')
    expect(deltaOf({ ...person, changesKeptDays: 20 }, { ...base, since }).changes).toBeNull()
  })

  test('is everything of an entity whose changes the API does not tell, without a word', () => {
    for (const entity of ['group', 'event', 'group-membership']) {
      expect(deltaOf(pcoManifest.get(entity), base)).toEqual({ changes: null, why: null })
    }
  })
})
