import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { getOne, getPage, type Resource } from './client.ts'

let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator({ people: 400 })
})
afterAll(() => simulator.close())

const refsOf = (row: Resource | undefined, name: string) => [row?.relationships?.[name]?.data ?? []].flat()

describe('include', () => {
  it('adds each child once and names it at its parent', async () => {
    const { data, included } = await getPage(simulator, '/people/v2/people?per_page=100&include=emails,addresses,phone_numbers')
    for (const [name, type] of [
      ['emails', 'Email'],
      ['addresses', 'Address'],
      ['phone_numbers', 'PhoneNumber'],
    ] as const) {
      const named = data.flatMap((row) => refsOf(row, name))
      expect(included.filter((row) => row.type === type).map(({ id }) => ({ type, id }))).toEqual(named)
      expect(named.length).toBeGreaterThan(80)
    }
    const [email] = included
    expect(refsOf(email, 'person')[0]?.id).toBe(data.find((row) => refsOf(row, 'emails').some(({ id }) => id === email?.id))?.id)
  })

  it('shows the members of households with the households', async () => {
    const { data, included } = await getPage(simulator, '/people/v2/households?per_page=100&include=people')
    const named = data.flatMap((row) => refsOf(row, 'people').map(({ id }) => id))
    const shown = included.map(({ id }) => id)
    expect(new Set(shown)).toEqual(new Set(named))
    expect(shown).toHaveLength(new Set(named).size)
    expect(data[0]?.attributes['member_count']).toBe(refsOf(data[0], 'people').length)
  })

  it('shows what several records of a page share only once', async () => {
    const { data, included } = await getPage(simulator, '/people/v2/people?per_page=100&include=households')
    const named = data.flatMap((row) => refsOf(row, 'households').map(({ id }) => id))
    expect(named.length).toBeGreaterThan(new Set(named).size)
    expect(included.map(({ id }) => id)).toEqual([...new Set(named)])
  })

  it('names the people of households even without include', async () => {
    const [home] = (await getPage(simulator, '/people/v2/households')).data
    expect(refsOf(home, 'people').length).toBe(home?.attributes['member_count'])
  })

  it('calls the primary campus by its alias, and the organisation once a page', async () => {
    const { data, included } = await getPage(simulator, '/people/v2/people?include=primary_campus,organization')
    expect(new Set(included.map(({ type }) => type))).toEqual(new Set(['PrimaryCampus', 'Organization']))
    expect(included.filter(({ type }) => type === 'Organization')).toHaveLength(1)
    const pointed = data.flatMap((row) => refsOf(row, 'primary_campus'))
    expect(pointed.every((ref) => included.some(({ type, id }) => type === ref.type && id === ref.id))).toBe(true)
  })

  it('answers what the vendor could include and we do not have with nothing', async () => {
    const { data, included } = await getPage(simulator, '/people/v2/people?per_page=1&include=field_data,school,nonsense')
    expect(included).toEqual([])
    expect(data[0]?.relationships?.['field_data']?.data).toEqual([])
    expect(data[0]?.relationships?.['school']?.data).toBeNull()
    expect(data[0]?.relationships?.['nonsense']).toBeUndefined()
  })

  it('shows the people of groups as Groups knows them', async () => {
    const { included } = await getPage(simulator, '/groups/v2/groups/10000001/memberships?include=person')
    expect(included[0]).toMatchObject({ type: 'Person', attributes: { permissions: 'member' } })
    expect(included[0]?.attributes).not.toHaveProperty('site_administrator')
  })

  it('works on a single record', async () => {
    const { data, included } = await getOne(simulator, '/people/v2/people/10000003?include=households')
    expect(included.map(({ type, id }) => ({ type, id }))).toEqual(refsOf(data, 'households'))
  })
})
