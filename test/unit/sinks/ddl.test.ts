import { describe, expect, test } from 'vitest'
import {
  generateCanonicalMigration,
  generateMergedMigration,
  generateOriginalsMigration,
  generateParentsMigration,
  generateTableMigration,
  LATER_TABLES,
} from '../../../sinks/postgres/ddl.ts'
import { layoutByEntity, layouts } from '../../../sinks/postgres/layout.ts'
import { canonicalEntities } from '../../../topics/canonical.ts'

describe('the canonical tables', () => {
  // To bring the file up to date before a first release: npx vitest run --project unit -u test/unit/sinks/ddl.test.ts
  // After it, a change of the schemas is a migration of its own.
  test('of the migration are those of the schemas', async () => {
    await expect(generateCanonicalMigration()).toMatchFileSnapshot('../../../sinks/postgres/migrations/0001_canonical.sql')
  })

  test('of parked rows keep the external ids of the parents', async () => {
    await expect(generateParentsMigration()).toMatchFileSnapshot('../../../sinks/postgres/migrations/0004_repair.sql')
  })

  test('of parked rows keep the records as they stood on their topics', async () => {
    await expect(generateOriginalsMigration()).toMatchFileSnapshot('../../../sinks/postgres/migrations/0011_parked_originals.sql')
  })

  test('of people tell into whom one was merged', async () => {
    await expect(generateMergedMigration()).toMatchFileSnapshot('../../../sinks/postgres/migrations/0012_merged_people.sql')
  })

  test.each(Object.entries(LATER_TABLES))('of %s are those of its own migration', async (entity, file) => {
    const layout = layouts.find((each) => each.entity === entity)
    const sql = layout === undefined ? '' : generateTableMigration(layout)
    await expect(sql).toMatchFileSnapshot(`../../../sinks/postgres/migrations/${file}`)
  })

  test('come after the tables that they refer to', () => {
    for (const { ordinal, parents } of layouts)
      for (const parent of parents) expect(layoutByEntity.get(parent.entity)?.ordinal).toBeLessThan(ordinal)
  })

  test('are one per canonical entity, with a foreign key per hard reference', () => {
    expect(layouts.map(({ entity }) => entity)).toEqual(canonicalEntities.map(({ entity }) => entity))
    const later = layouts.filter(({ entity }) => Object.hasOwn(LATER_TABLES, entity)).map(generateTableMigration)
    const keys = [generateCanonicalMigration(), ...later].join().match(/foreign key/g) ?? []
    expect(keys).toHaveLength(layouts.flatMap(({ parents }) => parents).length)
    expect(layoutByEntity.get('group-membership')?.parents.map(({ entity }) => entity)).toEqual(['group', 'person'])
  })
})
