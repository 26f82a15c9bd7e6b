import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { getPage, type Resource } from './client.ts'

let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator({ people: 3000 })
})
afterAll(() => simulator.close())

/** Walks by (value of a time, offset inside the tie), as a careful client does, and counts pages. */
const keysetWalk = async (path: string, field: string): Promise<Resource[]> => {
  const found = new Map<string, Resource>()
  let from = '1970-01-01T00:00:00Z'
  let offset = 0
  for (;;) {
    const { data } = await getPage(simulator, `${path}?per_page=100&order=${field}&where[${field}][gte]=${from}&offset=${offset}`)
    for (const row of data) found.set(row.id, row)
    const last = String(data.at(-1)?.attributes[field])
    if (data.length < 100) return [...found.values()]
    const tied = data.filter((row) => row.attributes[field] === last).length
    offset = last === from ? offset + data.length : tied
    from = last
  }
}

describe('a keyset walk', () => {
  it.each(['created_at', 'updated_at'])('over %s sees every person once, ties included', async (field) => {
    const rows = await keysetWalk('/people/v2/people', field)
    expect(rows.map(({ id }) => id).sort()).toEqual([...simulator.model.rows('person')].map(({ id }) => id).sort())
  })

  it('meets imports of 150 and more people with one timestamp', () => {
    const ties = new Map<unknown, number>()
    for (const { attributes } of simulator.model.rows('person')) {
      ties.set(attributes['created_at'], (ties.get(attributes['created_at']) ?? 0) + 1)
    }
    const sizes = [...ties.values()]
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(150)
    expect(sizes.filter((size) => size === 1).length).toBeGreaterThan(1000)
  })

  it('finds created_at rising with the id and updated_at not', () => {
    const people = [...simulator.model.rows('person')]
    const rises = (field: string) =>
      people.every(({ attributes }, at) => at === 0 || String(people[at - 1]?.attributes[field]) <= String(attributes[field]))
    expect(rises('created_at')).toBe(true)
    expect(rises('updated_at')).toBe(false)
    expect(people.every(({ attributes: { created_at: made, updated_at: changed } }) => String(made) <= String(changed))).toBe(
      true,
    )
  })
})
