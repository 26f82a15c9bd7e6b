import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { bearerToken } from '../../../adapters/core/auth.ts'
import { ApiError } from '../../../adapters/core/errors.ts'
import { adapterByName } from '../../../adapters/index.ts'
import { pco } from '../../../adapters/pco/pco.ts'
import { observeRate } from '../../../adapters/pco/rate.ts'
import { json, startScriptedServer } from './scripted-server.ts'

const recordedSchema = z.array(
  z.object({
    request: z.object({ path: z.string(), query: z.string() }),
    response: z.object({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.unknown() }),
  }),
)
const recorded = (file: string) =>
  recordedSchema.parse(JSON.parse(readFileSync(new URL(`../../data/pco/${file}.json`, import.meta.url), 'utf8')))
const bytes = (body: unknown): Buffer => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))

describe('a recorded page of people', () => {
  it('gives ids, keys, total, and what it can be ordered and queried by', () => {
    const [first] = recorded('list')
    const page = pco.parseList('person', bytes(first?.response.body))
    expect([page.ids.length, page.total, page.hasNext]).toEqual([25, 50, true])
    expect(page.ids.every((id) => /^\d+$/.test(id ?? ''))).toBe(true)
    expect(page.key(0, 'created_at')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    expect(page.canOrderBy).toContain('created_at')
    expect(page.canQueryBy).toContain('created_at')
  })

  it('is the last one when it names no next', () => {
    const last = recorded('list')[1]
    expect(pco.parseList('person', bytes(last?.response.body)).hasNext).toBe(false)
  })

  it('says what the limit is', () => {
    expect(observeRate(recorded('list')[0]?.response.headers ?? {})).toEqual({ limit: 100, periodMs: 20_000, count: 1 })
  })
})

describe('the limit’s headers', () => {
  const period = (value: string) => observeRate({ 'x-pco-api-request-rate-period': value }).periodMs

  it('may name the unit of the period', () => {
    expect([period('20'), period('20 seconds'), period(' 5 ')]).toEqual([20_000, 20_000, 5_000])
  })

  it('say nothing when they are not numbers', () => {
    expect(observeRate({ 'x-pco-api-request-rate-limit': 'many', 'x-pco-api-request-rate-count': '-1' })).toEqual({})
    expect([period(''), period('soon'), period('1e99'), period('99999999999999')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('an answer that is not the documented envelope', () => {
  it.each([
    ['an empty body', '', 'is empty'],
    ['a web page', '<!DOCTYPE html><html><body>canary</body></html>', 'is a web page'],
    ['cut JSON', '{"data":[{"id":"canary"', 'is not valid JSON'],
    ['a bare array', '[]', 'is not a JSON object'],
    ['no data', '{"meta":{}}', 'has no array of data'],
    ['one record', '{"data":{"id":"1"}}', 'has no array of data'],
    ['errors under a 200', '{"errors":[{"detail":"canary"}]}', 'has errors'],
  ])('%s is a bad response that does not quote the body', (_, body, message) => {
    const parse = () => pco.parseList('person', bytes(body))
    expect(parse).toThrow(ApiError)
    expect(parse).toThrow(expect.objectContaining({ code: 'bad-response', message: expect.stringContaining(message) }))
    expect(parse).not.toThrow('canary')
  })

  it('keeps records that are none, for `split` to make dead letters of', () => {
    const page = pco.parseList(
      'person',
      bytes({ data: [{ id: 7 }, null, 'x', { id: '' }, {}, { id: '8', attributes: { a: 1 } }] }),
    )
    expect(page.ids).toEqual(['7', null, null, null, null, '8'])
    expect([page.key(5, 'a'), page.key(5, 'b'), page.key(1, 'a'), page.key(99, 'a')]).toEqual(['1', null, null, null])
    expect([page.total, page.hasNext, page.canOrderBy]).toEqual([null, false, null])
  })

  it('has no value to walk by where the mapping will find none, and tells it from no value at all', () => {
    const values = [
      '2024-01-02T03:04:05Z',
      null,
      undefined,
      'yesterday',
      5,
      {},
      ['2024-01-02T03:04:05Z'],
      '10000-01-01T00:00:00Z',
    ]
    const page = pco.parseList('person', bytes({ data: values.map((created_at) => ({ id: '1', attributes: { created_at } })) }))
    const [readable, unreadable] = ['2024-01-02T03:04:05Z', undefined]
    expect(values.map((_, index) => page.key(index, 'created_at'))).toEqual([
      readable,
      null,
      null,
      ...Array.from({ length: 5 }, () => unreadable),
    ])
  })

  it('takes a total only as a count', () => {
    for (const total_count of ['5', -1, 1.5, null]) {
      expect(pco.parseList('person', bytes({ data: [], meta: { total_count } })).total).toBeNull()
    }
  })
})

describe('requests to Planning Center', () => {
  it('ask for what the pages are to carry', () => {
    const walk = pco.walk({
      entity: 'person',
      walk: { kind: 'keyset', field: 'created_at', from: '2020-01-01T00:00:00Z', to: '2021-01-01T00:00:00Z', split: false },
      carries: ['email', 'phone-number'],
    })
    expect(walk.request(walk.start)).toEqual({
      method: 'GET',
      path: '/people/v2/people',
      query: {
        include: 'emails,phone_numbers',
        'where[created_at][gte]': '2020-01-01T00:00:00Z',
        'where[created_at][lt]': '2021-01-01T00:00:00Z',
        order: 'created_at',
        per_page: '100',
        offset: '0',
      },
    })
  })

  it('go below the parent for what has no list of its own, with the id encoded', () => {
    const walk = pco.walk({
      entity: 'group-membership',
      walk: { kind: 'parents', parent: 'group', ids: ['a/b'] },
      carries: [],
    })
    expect(walk.request(walk.start).path).toBe('/groups/v2/groups/a%2Fb/memberships')
  })

  it('ask for fields and for what the walk goes by, and for all where a record is made from more', () => {
    const keyset = { kind: 'keyset', field: 'created_at', from: null, to: null, split: false } as const
    const asked = (entity: string, carries: readonly string[], fields: readonly string[]) => {
      const walk = pco.walk({ entity, walk: keyset, carries }, { fields, perPage: 7 })
      return Object.entries(walk.request(walk.start).query).filter(([name]) => /^(fields|per_page)/.test(name))
    }
    const seven = ['per_page', '7']
    expect(asked('person', [], ['first_name'])).toEqual([['fields[Person]', 'created_at,first_name'], seven])
    expect(asked('person', ['email'], ['first_name'])).toEqual([seven])
    expect(asked('person-merger', [], ['created_at'])).toEqual([seven])
  })

  it('filter by field and operator', () => {
    const spec = { entity: 'person', walk: { kind: 'offset', order: null, sweep: 0 }, carries: [] } as const
    const walk = pco.walk(spec, { where: { status: 'active', 'updated_at[gte]': '2020-01-01T00:00:00Z' } })
    expect(walk.request(walk.start).query).toMatchObject({
      'where[status]': 'active',
      'where[updated_at][gte]': '2020-01-01T00:00:00Z',
    })
  })

  it('cannot be made for lists that the manifest does not have', () => {
    const parents = { kind: 'parents', parent: 'campus', ids: ['1'] } as const
    expect(() => pco.walk({ entity: 'person', walk: { kind: 'count' }, carries: ['event'] })).toThrow('way to carry event')
    expect(() => pco.walk({ entity: 'group-membership', walk: { kind: 'count' }, carries: [] })).toThrow(
      'list of group-membership',
    )
    expect(() => pco.walk({ entity: 'group-membership', walk: parents, carries: [] })).toThrow('below campus')
  })

  it('probe with one record, of the parent where there is no list', () => {
    expect(pco.probe('campus')).toMatchObject({ path: '/people/v2/campuses', query: { per_page: '1' } })
    expect(pco.probe('group-membership').path).toBe('/groups/v2/groups')
  })

  it('pin the version of each product, and name no link of the vendor’s', async () => {
    const server = await startScriptedServer()
    const elsewhere = { data: [], links: { next: 'https://evil.example/people?offset=25', self: 'https://evil.example' } }
    server.script(json(elsewhere))
    const connection = pco.open({ baseUrl: server.url, auth: bearerToken('t'), settings: { groupsVersion: '2024-01-01' } })
    for (const entity of ['person', 'group']) {
      const response = await connection.send(pco.probe(entity))
      const walk = pco.walk({ entity, walk: { kind: 'offset', order: null, sweep: 0 }, carries: [] })
      expect(walk.advance(walk.start, pco.parseList(entity, response.body)).next).toBeNull()
    }
    expect(server.received.map(({ headers }) => headers['x-pco-api-version'])).toEqual(['2025-03-20', '2024-01-01'])
    await connection.close()
    await server.close()
  })

  it('write JSON:API resources', () => {
    const change = { attributes: { address: 'a@b.c' }, related: { person: '7' } }
    expect(pco.encode('email', change)).toEqual({
      data: { type: 'Email', attributes: { address: 'a@b.c' }, relationships: { person: { data: { type: 'Person', id: '7' } } } },
    })
  })
})

describe('names', () => {
  it('of settings and adapters that do not exist are refused with the nearest', () => {
    const open = (settings: Record<string, string>) => () => pco.open({ auth: bearerToken('t'), settings })
    expect(open({ peopelVersion: '2025-03-20' })).toThrow(
      expect.objectContaining({ code: 'config', remedy: expect.stringContaining('peopleVersion') }),
    )
    expect(open({ peopleVersion: 'newest' })).toThrow(expect.objectContaining({ code: 'config' }))
    expect(() => adapterByName('pc')).toThrow(expect.objectContaining({ code: 'usage', remedy: 'Did you mean pco?' }))
    expect(adapterByName('pco')).toBe(pco)
  })
})
