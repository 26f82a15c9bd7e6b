import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { getOne, getPage, request, walk } from './client.ts'

let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator({ people: 230 })
})
afterAll(() => simulator.close())

const people = '/people/v2/people'

describe('paging', () => {
  it('gives 25 records where nothing else is asked for, and at most 100', async () => {
    expect((await getPage(simulator, people)).data).toHaveLength(25)
    expect((await getPage(simulator, `${people}?per_page=500`)).data).toHaveLength(100)
    expect((await getPage(simulator, `${people}?per_page=x`)).data).toHaveLength(25)
  })

  it('names total, count, next and prev as the vendor does', async () => {
    const { links, meta } = await getPage(simulator, `${people}?per_page=100&offset=100&include=emails`)
    expect(meta).toMatchObject({ total_count: 230, count: 100, next: { offset: 200 }, prev: { offset: 0 } })
    expect(meta.parent).toEqual({ type: 'Organization', id: '1' })
    expect(links).toEqual({
      self: `${simulator.url}${people}?include=emails&offset=100&per_page=100`,
      next: `${simulator.url}${people}?include=emails&offset=200&per_page=100`,
      prev: `${simulator.url}${people}?include=emails&offset=0&per_page=100`,
    })
  })

  it('has no next on the last page', async () => {
    const { links, meta } = await getPage(simulator, `${people}?per_page=100&offset=200`)
    expect(meta.count).toBe(30)
    expect(meta.next).toBeUndefined()
    expect(links.next).toBeUndefined()
  })

  it('answers per_page=0 with an empty page whose next one begins at 0, for ever', async () => {
    const { data, meta } = await getPage(simulator, `${people}?per_page=0&offset=50`)
    expect(data).toEqual([])
    expect(meta).toMatchObject({ total_count: 230, count: 0, next: { offset: 0 } })
  })

  it('answers an offset past the end with 200 and nothing', async () => {
    const { data, meta } = await getPage(simulator, `${people}?offset=5000`)
    expect(data).toEqual([])
    expect(meta).toMatchObject({ total_count: 230, count: 0 })
    expect(meta.next).toBeUndefined()
  })

  it('lists each record once and by ascending id', async () => {
    const ids = (await walk(simulator, `${people}?per_page=7`)).map(({ id }) => Number(id))
    expect(ids).toHaveLength(230)
    expect(ids.every((id, at) => at === 0 || (ids[at - 1] ?? 0) < id)).toBe(true)
  })

  it('shows all links of a single record, in a list only its own', async () => {
    const [first] = (await getPage(simulator, people)).data
    const { data, meta } = await getOne(simulator, `${people}/${first?.id}`)
    expect(first?.links).toEqual({ self: `${simulator.url}${people}/${first?.id}` })
    expect(data).toMatchObject({ ...first, links: { emails: `${first?.links.self}/emails`, self: first?.links.self } })
    expect(meta.parent.type).toBe('Organization')
  })

  it('lists what is below a record, named as its parent', async () => {
    const [membership] = (await getPage(simulator, '/groups/v2/groups/10000001/memberships')).data
    const person = membership?.relationships?.['person']?.data
    const id = person !== null && person !== undefined && 'id' in person ? person.id : ''
    const own = await getPage(simulator, `/groups/v2/people/${id}/memberships`)
    expect(own.meta.parent).toEqual({ type: 'Person', id })
    expect(own.data.map((row) => row.id)).toContain(membership?.id)
    expect(await getOne(simulator, membership?.links.self.replace(simulator.url, '') ?? '')).toMatchObject({ data: membership })
  })

  it.each([
    '/people/v2/people/1',
    '/people/v2/people/010000001',
    '/people/v2/people/1/emails',
    '/people/v2/household_memberships',
    '/groups/v2/memberships',
    '/people/v2/songs',
    '/giving/v2/donations',
    '/groups/v2/groups/10000001/memberships/10000099',
    '/_sim/stats',
    '/bogus',
  ])('does not know %s', async (path) => {
    const { status, body } = await request(simulator, path)
    expect(status).toBe(404)
    expect(body).toEqual({
      errors: [{ status: '404', title: 'Not Found', detail: 'The resource you requested could not be found' }],
    })
  })
})
