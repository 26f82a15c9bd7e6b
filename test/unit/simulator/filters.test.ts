import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { getPage, walk } from './client.ts'

const PEOPLE = 1200
let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator({ people: PEOPLE })
})
afterAll(() => simulator.close())

const people = (query: string) => walk(simulator, `/people/v2/people?per_page=100&${query}`)
const idsWhere = (holds: (attributes: Readonly<Record<string, unknown>>) => boolean) =>
  [...simulator.model.rows('person')].filter(({ attributes }) => holds(attributes)).map(({ id }) => id)

describe('where', () => {
  it('compares text without regard to case', async () => {
    const found = await people('where[first_name]=pAUL')
    expect(found.map(({ id }) => id)).toEqual(idsWhere(({ first_name }) => first_name === 'Paul'))
    expect(found.length).toBeGreaterThan(0)
  })

  it.each([
    ['gte', (a: string, b: string) => a >= b],
    ['gt', (a: string, b: string) => a > b],
    ['lte', (a: string, b: string) => a <= b],
    ['lt', (a: string, b: string) => a < b],
  ])('takes ranges by %s, the same with and without the order that finds them quickly', async (operator, holds) => {
    const middle = String([...simulator.model.rows('person')][600]?.attributes['updated_at'])
    const expected = idsWhere(({ updated_at }) => holds(String(updated_at), middle)).sort()
    const filter = `where[updated_at][${operator}]=${middle}`
    expect((await people(filter)).map(({ id }) => id).sort()).toEqual(expected)
    expect((await people(`${filter}&order=updated_at`)).map(({ id }) => id).sort()).toEqual(expected)
    expect((await people(`${filter}&order=-updated_at`)).map(({ id }) => id).sort()).toEqual(expected)
  })

  it('joins conditions', async () => {
    const found = await people('where[status]=active&where[child]=true&where[grade][gte]=9')
    expect(found.map(({ id }) => id)).toEqual(
      idsWhere(({ status, child, grade }) => status === 'active' && child === true && Number(grade ?? -1) >= 9),
    )
  })

  it('leaves out rows without a value, whichever way it compares', async () => {
    const below = await people('where[birthdate][lt]=2000-01-01')
    const above = await people('where[birthdate][gte]=2000-01-01&order=birthdate')
    expect(below.length + above.length).toBe(idsWhere(({ birthdate }) => birthdate !== null).length)
  })

  it('finds people by id, by part of a name, by an email address', async () => {
    const [first, second] = [...simulator.model.rows('person')]
    expect((await people(`where[id]=${first?.id},${second?.id}`)).map(({ id }) => id)).toEqual([first?.id, second?.id])
    const [email] = simulator.model.rows('email')
    const found = await people(`where[search_name_or_email]=${email?.attributes['address']}`)
    expect(found.map(({ id }) => id)).toEqual([first?.id])
  })

  it.each(['where[shoe_size]=44', 'where[avatar]=x', 'where[created_at][near]=2020-01-01', 'order=name', 'order=shoe_size'])(
    'answers %s with the whole collection, by id',
    async (query) => {
      const { data, meta } = await getPage(simulator, `/people/v2/people?${query}`)
      expect(meta.total_count).toBe(PEOPLE)
      expect(data[0]?.id).toBe('10000001')
    },
  )

  it('does not filter addresses by updated_at, because the vendor does not', async () => {
    const { meta } = await getPage(simulator, '/people/v2/addresses?where[updated_at][gte]=2999-01-01T00:00:00Z')
    expect(meta.total_count).toBe(simulator.model.count('address'))
    expect(meta.can_query_by).not.toContain('updated_at')
    expect(meta.can_order_by).toContain('updated_at')
  })

  it.each([
    'where[created_at][gte]=soon',
    'where[child]=maybe',
    'where[grade][lt]=x',
    'order=created_at&where[created_at][lt]=soon',
  ])('answers %s with nothing', async (query) => {
    expect((await getPage(simulator, `/people/v2/people?${query}`)).meta.total_count).toBe(0)
  })
})

describe('order', () => {
  it('goes up and down, equal keys by id', async () => {
    const up = (await people('order=last_name')).map(({ id }) => id)
    const down = (await people('order=-last_name')).map(({ id }) => id)
    expect(down).toEqual(up.toReversed())
    const names = [...simulator.model.rows('person')].map(({ id, attributes }) => [
      String(attributes['last_name']).toLowerCase(),
      id,
    ])
    expect(up).toEqual(
      names.sort(([a = '', i = ''], [b = '', j = '']) => (a < b ? -1 : a > b ? 1 : Number(i) - Number(j))).map(([, id]) => id),
    )
  })

  it('orders the members of a group by their names', async () => {
    const found = await walk(simulator, '/groups/v2/groups/10000002/memberships?order=last_name&include=person')
    const names = found.map((row) => {
      const person = row.relationships?.['person']?.data
      const id = person !== null && person !== undefined && 'id' in person ? person.id : ''
      return String(simulator.model.row('person', id)?.attributes['last_name']).toLowerCase()
    })
    expect(names).toEqual(names.toSorted())
    expect(names.length).toBeGreaterThan(3)
  })
})
