import { expect, test } from 'vitest'
import type { Drift } from '../../../simulator/drift.ts'
import { getPage, request, withSimulator } from './client.ts'

const emails = '/people/v2/emails?per_page=5'

test('an entity drifts in its lists, below others and where it is included; nothing else does', async () => {
  await withSimulator({ people: 20 }, async (simulator) => {
    const before = await getPage(simulator, '/people/v2/addresses')
    simulator.drift({
      kind: 'entity',
      entity: 'email',
      adds: { score: 7 },
      drops: ['blocked'],
      meta: { can_order_by: ['score'] },
    })
    const people = await getPage(simulator, '/people/v2/people?include=emails&per_page=20')
    const included = people.included.filter(({ type }) => type === 'Email')
    const owner = included[0]?.relationships?.['person']?.data
    const [own, below] = [
      await getPage(simulator, emails),
      await getPage(simulator, `/people/v2/people/${owner && 'id' in owner ? owner.id : ''}/emails`),
    ]
    for (const { attributes } of [...own.data, ...below.data, ...included]) {
      expect(attributes).toMatchObject({ score: 7, address: expect.any(String) })
      expect(attributes).not.toHaveProperty('blocked')
    }
    expect([own.meta.can_order_by, people.meta.can_order_by.includes('score')]).toEqual([['score'], false])
    expect(await getPage(simulator, '/people/v2/addresses')).toEqual(before)
  })
})

test('an order or a filter is passed over without a word, the others are not', async () => {
  await withSimulator({ people: 20 }, async (simulator) => {
    const ids = async (query: string) => (await getPage(simulator, `${emails}&${query}`)).data.map(({ id }) => id)
    const plain = await ids('')
    const [ordered, filtered] = [await ids('order=-address'), await ids('where[created_at][gte]=2999-01-01T00:00:00Z')]
    simulator.drift({ kind: 'entity', entity: 'email', ignoresOrders: ['address'], ignoresFilters: ['created_at'] })
    expect(await ids('order=-address')).toEqual(plain)
    expect(await ids('where[created_at][gte]=2999-01-01T00:00:00Z')).toEqual(plain)
    expect(await ids('order=-created_at')).not.toEqual(plain)
    expect(await ids('where[updated_at][gte]=2999-01-01T00:00:00Z')).toEqual([])
    simulator.drift()
    expect([await ids('order=-address'), await ids('where[created_at][gte]=2999-01-01T00:00:00Z')]).toEqual([ordered, filtered])
  })
})

test('the control address sets it, refuses what is none, and a reset ends it', async () => {
  await withSimulator({ people: 20 }, async (simulator) => {
    const control = (path: string, body: unknown) =>
      request(simulator, `/_sim/${path}`, { method: 'POST', headers: { 'x-simulator-control': simulator.controlToken }, body })
    const list: Drift = {
      kind: 'list',
      path: '/people/v2/tabs',
      type: 'Tab',
      attributes: [{ n: 2 }, { n: 1 }],
      order: ['n'],
      query: ['n'],
    }
    expect((await control('drift', [list, { kind: 'entity', entity: 'email', answers: 403 }])).status).toBe(204)
    const tabs = async (query: string) =>
      (await getPage(simulator, `/people/v2/tabs?${query}`)).data.map(({ attributes }) => attributes['n'])
    expect([await tabs('order=n'), await tabs('order=-n'), await tabs('where[n]=2'), await tabs('where[m]=2')]).toEqual([
      [1, 2],
      [2, 1],
      [2],
      [2, 1],
    ])
    expect((await request(simulator, emails)).status).toBe(403)
    const wrong = await control('drift', { kind: 'entity', entity: 'nobody' })
    expect([wrong.status, wrong.body]).toEqual([400, { error: expect.stringContaining('entity') }])
    await control('reset', '')
    expect([(await request(simulator, emails)).status, (await request(simulator, '/people/v2/tabs')).status]).toEqual([200, 404])
  })
})
