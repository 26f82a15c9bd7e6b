import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { getOne, getPage, walk } from './client.ts'

const folder = new URL('../../data/pco/', import.meta.url)
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => new URL(name, folder).pathname)

let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator({ from: files, version: '2018-08-01' })
})
afterAll(() => simulator.close())

describe('recorded exchanges', () => {
  it('become one organisation with every person, email and address in them', async () => {
    expect((await walk(simulator, '/people/v2/people?per_page=100')).length).toBe(249)
    expect((await walk(simulator, '/people/v2/emails?per_page=100')).length).toBe(248)
    expect((await getPage(simulator, '/people/v2/addresses')).meta.total_count).toBe(4)
    expect((await getPage(simulator, '/people/v2/people')).meta.parent).toEqual({ type: 'Organization', id: '263468' })
  })

  it('keep the attributes they were recorded with, of the newest version', async () => {
    const { data, included } = await getOne(simulator, '/people/v2/people/45029164?include=emails,addresses,organization')
    expect(Object.keys(data.attributes)).toHaveLength(26)
    expect(data.attributes).toMatchObject({ name: 'Paul Revere', updated_at: '2019-12-09T17:48:20Z' })
    expect(data.attributes).not.toHaveProperty('mfa_configured')
    expect(included.map(({ type }) => type)).toEqual(['Email', 'Address', 'Address', 'Organization'])
    expect(included.at(-1)?.attributes['name']).toBe('Pypco Dev')
  })

  it('answer filters, orders and pages as a generated organisation does', async () => {
    const pauls = await walk(simulator, '/people/v2/people?where[first_name]=paul')
    expect(pauls.map(({ id }) => id)).toEqual(['45029164', '70167511'])
    const newest = (await walk(simulator, '/people/v2/people?order=-created_at&per_page=50')).map(({ attributes }) =>
      String(attributes['created_at']),
    )
    expect(newest).toEqual(newest.toSorted().toReversed())
    expect(
      (await getPage(simulator, '/people/v2/people?where[created_at][gte]=2019-12-09T17:51:12Z')).meta.total_count,
    ).toBeGreaterThan(0)
  })

  it.each(['campuses', 'households', 'phone_numbers'])('have no %s', async (segment) => {
    expect((await getPage(simulator, `/people/v2/${segment}`)).meta.total_count).toBe(0)
  })

  it('have no groups', async () => {
    expect((await getPage(simulator, '/groups/v2/groups')).data).toEqual([])
  })

  it('can be changed like any other organisation', async () => {
    const [made] = simulator.mutate({ op: 'insert', entity: 'person', attributes: { first_name: 'A', last_name: 'B' } })
    simulator.mutate({ op: 'delete', entity: 'person', id: '45029164' })
    expect(simulator.model.count('person')).toBe(249)
    expect(simulator.model.count('email')).toBe(247)
    expect(simulator.model.row('person', made?.id ?? '')?.attributes['name']).toBe('A B')
    simulator.reset()
  })

  it('that cannot be read as such are refused with the name of the file', async () => {
    await expect(startSimulator({ from: ['/nowhere.json'] })).rejects.toThrow('/nowhere.json')
    await expect(startSimulator({ from: [new URL('LICENSE', folder).pathname] })).rejects.toThrow('LICENSE')
  })
})
