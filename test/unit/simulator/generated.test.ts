import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../../../simulator/catalogue/catalogue.ts'
import { type AttributeType, ENTITIES } from '../../../simulator/catalogue/spec.ts'
import { createLayout } from '../../../simulator/generated/layout.ts'
import { generateOrganization } from '../../../simulator/generated/organization.ts'
import { createDice } from '../../../simulator/generated/random.ts'
import { range } from '../../../simulator/generated/table.ts'
import { JsonWriter } from '../../../simulator/json-writer.ts'
import { startSimulator } from '../../../simulator/simulator.ts'
import { getPage, withSimulator } from './client.ts'

const PATTERNS: Partial<Record<AttributeType, RegExp>> = {
  date: /^\d{4}-\d\d-\d\d$/,
  date_time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
}

const fits = (type: AttributeType | undefined, name: string, value: unknown): boolean => {
  if (value === null) return true
  if (name === 'remote_id') return typeof value === 'number' || typeof value === 'string'
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'integer') return Number.isInteger(value)
  if (type === 'float') return typeof value === 'number'
  if (type === 'json') return typeof value === 'object'
  return typeof value === 'string' && (type === undefined || (PATTERNS[type]?.test(value) ?? true))
}

describe('a generated organisation', () => {
  const { sources } = generateOrganization(6000, 7)

  it.each(ENTITIES)('has every documented attribute of a %s and no other, each of its type', (entity) => {
    const { attributes: documented } = CATALOGUE[entity]
    for (let row = 0; row < sources[entity].size; row += 7) {
      const { attributes } = sources[entity].resource(row)
      expect(Object.keys(attributes).sort()).toEqual(Object.keys(documented).sort())
      for (const [name, value] of Object.entries(attributes)) {
        if (!fits(documented[name], name, value)) expect.fail(`${entity} ${row}: ${name} is ${JSON.stringify(value)}`)
      }
    }
  })

  it.each(ENTITIES)('is written as it is read: %s', (entity) => {
    const out = new JsonWriter()
    for (let row = 0; row < Math.min(2000, sources[entity].size); row++) {
      sources[entity].writeAttributes(row, out)
      expect(JSON.parse(out.take().toString())).toEqual(sources[entity].resource(row).attributes)
    }
  })

  it('is the same for the same seed, another for another', () => {
    const again = generateOrganization(6000, 7).sources
    const other = generateOrganization(6000, 8).sources
    expect(again.person.resource(1234)).toEqual(sources.person.resource(1234))
    expect(other.person.resource(1234)).not.toEqual(sources.person.resource(1234))
  })

  it('does not change its first people when it has more of them', () => {
    expect(generateOrganization(9000, 7).sources.person.resource(77).attributes['name']).toBe(
      sources.person.resource(77).attributes['name'],
    )
  })

  it('has the proportions of a church', () => {
    const each = (entity: (typeof ENTITIES)[number]) => sources[entity].size / 6000
    expect(1 / each('household')).toBeCloseTo(2.7, 0)
    expect(each('address')).toBeCloseTo(1, 1)
    expect(each('email')).toBeCloseTo(1.1, 0)
    expect(each('phone-number')).toBeCloseTo(0.9, 0)
    expect(1 / each('group')).toBe(40)
    expect(sources['group-membership'].size / sources.group.size).toBeCloseTo(12, -1)
    expect(sources.event.size / sources.group.size).toBeCloseTo(4, 0)
  })

  it('has the odd values that a client must bear', () => {
    const people = Array.from({ length: 6000 }, (_, row) => sources.person.resource(row).attributes)
    const values = (name: string) => new Set(people.map((attributes) => attributes[name]))
    expect([...values('gender')].sort()).toEqual(['F', 'Female', 'M', 'Male', null])
    expect([...values('status')].sort()).toEqual(['active', 'inactive', 'pending'])
    expect(new Set([...values('remote_id')].map((value) => typeof value))).toEqual(new Set(['object', 'number', 'string']))
    expect([...values('birthdate')]).toEqual(expect.arrayContaining(['0019-05-04', '1885-03-12', null]))
    expect([...values('first_name')]).toEqual(expect.arrayContaining(['美玲', 'Zoë']))
    expect(people.filter(({ status }) => status === 'inactive').length / 6000).toBeCloseTo(0.05, 1)
  })

  it('has people in two households and in none', () => {
    const homes = (row: number) => sources['household-membership'].children('person', sources.person.id(row)).length
    expect(new Set(Array.from({ length: 6000 }, (_, row) => homes(row)))).toEqual(new Set([0, 1, 2]))
  })

  it('has nobody twice in a group, however few people it has', () => {
    for (let people = 1; people <= 120; people++) {
      const small = createLayout(createDice(people), people)
      for (let group = 0; group < small.groups; group++) {
        const rows = range(small.groupMembers.start(group), small.groupMembers.start(group + 1))
        expect(new Set(rows.map(small.groupMember)).size, `${people} people`).toBe(rows.length)
      }
    }
  })
})

describe('a million people', () => {
  it('are served without being made: quickly there, by the page, in bounded memory', async () => {
    const before = process.memoryUsage().rss
    const begun = performance.now()
    await withSimulator({ people: 1_000_000 }, async (simulator) => {
      expect(performance.now() - begun).toBeLessThan(5000)
      const { data, meta } = await getPage(simulator, '/people/v2/people?per_page=100&offset=999950&include=emails')
      expect([data.length, meta.total_count]).toEqual([50, 1_000_000])
      const changed = await getPage(simulator, '/people/v2/people?order=updated_at&where[updated_at][gte]=2020-01-01T00:00:00Z')
      expect(changed.meta.total_count).toBeGreaterThan(100_000)
      expect(simulator.model.count('email')).toBeGreaterThan(1_000_000)
      expect(process.memoryUsage().rss - before).toBeLessThan(400_000_000)
    })
  })
})

describe('an impossible organisation', () => {
  it.each([-1, 1.5, 2_000_001, Number.NaN])('of %d people is refused', async (people) => {
    await expect(startSimulator({ people })).rejects.toThrow('0 to 2000000 people')
  })
})

describe('an empty organisation', () => {
  it('answers every list with nothing', async () => {
    await withSimulator({ people: 0 }, async (simulator) => {
      for (const path of ['/people/v2/people', '/people/v2/campuses', '/groups/v2/groups', '/groups/v2/events']) {
        expect((await getPage(simulator, path)).meta.total_count).toBe(0)
      }
    })
  })
})
