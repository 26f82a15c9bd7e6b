import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ENTITIES } from '../../../simulator/catalogue/spec.ts'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { getOne, getPage, request, walk, walkAll } from './client.ts'

const PEOPLE = 200
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
let simulator: Simulator
beforeEach(async () => {
  simulator = await startSimulator({ people: PEOPLE, now: () => NOW })
})
afterEach(() => simulator.close())

const idAt = (entity: (typeof ENTITIES)[number], at: number): string => [...simulator.model.rows(entity)][at]?.id ?? ''

const expectApiEqualsModel = async () => {
  const shown = await walkAll(simulator)
  for (const entity of ENTITIES) expect(shown.get(entity), entity).toEqual([...simulator.model.rows(entity)])
}

describe('the model', () => {
  it('is what the API shows, before any change', expectApiEqualsModel)

  it('is what the API shows after inserts, updates, deletes and renames of every entity', async () => {
    await getPage(simulator, '/people/v2/people?order=updated_at')
    await getPage(simulator, '/groups/v2/groups?order=name')
    const [made] = simulator.mutate({ op: 'insert', entity: 'person', attributes: { first_name: 'Ada', last_name: 'New' } })
    const person = made?.id ?? ''
    simulator.mutate(
      { op: 'insert', entity: 'email', attributes: { address: 'ada@example.org' }, relationships: { person } },
      { op: 'insert', entity: 'phone-number', attributes: { number: '(217) 555-0199' }, relationships: { person } },
      { op: 'insert', entity: 'household-membership', relationships: { person, household: idAt('household', 3) } },
      { op: 'insert', entity: 'group-membership', relationships: { person, group: idAt('group', 0) } },
      { op: 'insert', entity: 'event', attributes: { name: 'Feast' }, relationships: { group: idAt('group', 1) } },
      { op: 'update', entity: 'email', id: idAt('email', 5), relationships: { person } },
      { op: 'update', entity: 'address', id: idAt('address', 5), attributes: { city: 'Zürich' } },
      { op: 'delete', entity: 'person', id: idAt('person', 7) },
      { op: 'delete', entity: 'group', id: idAt('group', 2) },
      { op: 'delete', entity: 'campus', id: idAt('campus', 0) },
      { op: 'delete', entity: 'household', id: idAt('household', 0) },
      { op: 'rename', entity: 'group', id: idAt('group', 3), name: 'Aardvarks' },
      { op: 'rename', entity: 'person', id: idAt('person', 20), name: 'Zzz' },
    )
    await expectApiEqualsModel()
    const updated = (await walk(simulator, '/people/v2/people?order=updated_at')).map(({ attributes }) =>
      String(attributes['updated_at']),
    )
    expect(updated).toEqual(updated.toSorted())
    expect((await getPage(simulator, '/groups/v2/groups?order=name')).data[0]?.attributes['name']).toBe('Aardvarks')
  })
})

describe('people who are merged', () => {
  it('leave one of them, with what belonged to both, and a record of the merge', async () => {
    const [into, id] = [idAt('person', 2), idAt('person', 9)]
    const emails = async () => (await walk(simulator, `/people/v2/people/${into}/emails?per_page=100`)).length
    simulator.mutate({
      op: 'insert',
      entity: 'email',
      attributes: { address: 'x@example.org' },
      relationships: { person: id },
    })
    const before = await emails()
    simulator.mutate({ op: 'merge', entity: 'person', id, into })
    expect(await emails()).toBeGreaterThan(before)
    expect(simulator.model.row('person', id)).toBeUndefined()
    const [merger] = (await getPage(simulator, '/people/v2/person_mergers?order=created_at')).data
    expect(merger?.attributes).toMatchObject({ person_to_keep_id: into, person_to_remove_id: id })
    expect(merger?.relationships).toMatchObject({ person_to_keep: { data: { id: into } }, person_to_remove: { data: { id } } })
    await expectApiEqualsModel()
  })
})

describe('a hidden record', () => {
  it('is on no page of the list of all nor in its total, and is there by its id and where others include it', async () => {
    const id = idAt('person', 4)
    await getPage(simulator, '/people/v2/people?order=created_at')
    simulator.mutate({ op: 'hide', entity: 'person', id }, { op: 'update', entity: 'person', id, attributes: { nickname: 'Bo' } })
    for (const order of ['created_at', 'last_name']) {
      const listed = await walk(simulator, `/people/v2/people?order=${order}`)
      expect(listed.map((person) => person.id)).not.toContain(id)
    }
    const page = await getPage(simulator, '/people/v2/people')
    expect(page.meta.total_count).toBe(PEOPLE - 1)
    expect((await getOne(simulator, `/people/v2/people/${id}`)).data.attributes).toMatchObject({ nickname: 'Bo' })
    simulator.mutate({ op: 'delete', entity: 'person', id })
    expect((await getPage(simulator, '/people/v2/people')).meta.total_count).toBe(PEOPLE - 1)
  })
})

describe('a change', () => {
  it('of a person sets updated_at, unless it is told not to', () => {
    const id = idAt('person', 4)
    const before = simulator.model.row('person', id)?.attributes['updated_at']
    simulator.mutate({ op: 'update', entity: 'person', id, attributes: { nickname: 'Bo' }, touch: false })
    expect(simulator.model.row('person', id)?.attributes).toMatchObject({ nickname: 'Bo', updated_at: before })
    simulator.mutate({ op: 'update', entity: 'person', id, attributes: { nickname: 'Jo' } })
    expect(simulator.model.row('person', id)?.attributes).toMatchObject({ nickname: 'Jo', updated_at: '2026-01-02T03:04:05Z' })
  })

  it('of a name is repeated where the name is, without touching what repeats it', () => {
    const [home] = simulator.model.rows('household')
    const contact = String(home?.attributes['primary_contact_id'])
    simulator.mutate({ op: 'update', entity: 'person', id: contact, attributes: { first_name: 'Renamed', last_name: 'Person' } })
    const after = simulator.model.row('household', home?.id ?? '')
    expect(after?.attributes).toMatchObject({
      primary_contact_name: 'Renamed Person',
      updated_at: home?.attributes['updated_at'],
    })
    const [membership] = simulator.model.rows('household-membership')
    expect(membership?.attributes['person_name']).toBe('Renamed Person')
  })

  it('deletes with a person all that is the person’s, and clears what points to it', () => {
    const [home] = simulator.model.rows('household')
    const contact = String(home?.attributes['primary_contact_id'])
    simulator.mutate({ op: 'delete', entity: 'person', id: contact })
    for (const entity of ['address', 'email', 'phone-number', 'household-membership', 'group-membership'] as const) {
      for (const row of simulator.model.rows(entity)) expect(row.relationships['person']?.data).not.toMatchObject({ id: contact })
    }
    const after = simulator.model.row('household', home?.id ?? '')
    expect(after?.relationships['primary_contact']).toEqual({ data: null })
    expect(after?.attributes).toMatchObject({
      member_count: Number(home?.attributes['member_count']) - 1,
      primary_contact_id: null,
      primary_contact_name: null,
    })
  })

  it('clears what points to a deleted person, who need not be a member of the household any more', () => {
    const [home] = simulator.model.rows('household')
    const contact = String(home?.attributes['primary_contact_id'])
    const all = [...simulator.model.rows('household-membership')]
    for (const { id, relationships } of all) {
      if (JSON.stringify(relationships['person']).includes(`"${contact}"`)) {
        simulator.mutate({ op: 'delete', entity: 'household-membership', id })
      }
    }
    const before = simulator.model.journal.length
    simulator.mutate({ op: 'delete', entity: 'person', id: contact })
    expect(simulator.model.row('household', home?.id ?? '')?.attributes['primary_contact_id']).toBeNull()
    expect(simulator.model.journal.slice(before)).toContainEqual(expect.objectContaining({ entity: 'household', id: home?.id }))
  })

  it('is in the journal with its time and who asked for it', () => {
    const id = idAt('email', 0)
    simulator.mutate({ op: 'delete', entity: 'email', id })
    expect(simulator.model.journal).toEqual([
      { sequence: 1, at: '2026-01-02T03:04:05.000Z', operation: 'delete', entity: 'email', id, by: 'test' },
    ])
  })

  it('of what is not there is an error that names it', () => {
    expect(() => simulator.mutate({ op: 'delete', entity: 'email', id: '5' })).toThrow('There is no email 5')
  })

  it.each(['10000001', 'abc', ''])('cannot take the id %j, because lists are in the order of ids', (id) => {
    expect(() => simulator.mutate({ op: 'insert', entity: 'person', id })).toThrow('not above those given')
    expect(simulator.model.count('person')).toBe(PEOPLE)
  })

  it('is undone by a reset', async () => {
    simulator.mutate({ op: 'delete', entity: 'person', id: idAt('person', 0) })
    simulator.reset()
    expect(simulator.model.count('person')).toBe(PEOPLE)
    expect(simulator.model.journal).toEqual([])
    expect((await getPage(simulator, '/people/v2/people')).meta.total_count).toBe(PEOPLE)
  })
})

describe('a corrupted record', () => {
  it('is served as planted, is not in the model, and leaves its neighbours alone', async () => {
    const [bad, worse, worst] = [idAt('person', 1), idAt('person', 2), idAt('person', 3)]
    simulator.mutate(
      { op: 'corrupt', entity: 'person', id: bad, attributes: { birthdate: 17, first_name: 'x'.repeat(100_000) } },
      { op: 'corrupt', entity: 'person', id: worse, omit: ['id'] },
      { op: 'corrupt', entity: 'person', id: worst, text: '{"type":"Person","id":null,"attributes":"\\u0000\\ud800"}' },
    )
    const { body } = await request(simulator, '/people/v2/people?per_page=5')
    expect(body).toMatchObject({
      data: [{ type: 'Person' }, { id: bad, attributes: { birthdate: 17 } }, {}, { id: null }, { type: 'Person' }],
    })
    expect(body).not.toHaveProperty('data.2.id')
    expect(simulator.model.corrupted('person').map(({ id }) => id)).toEqual([bad, worse, worst])
    expect(simulator.model.count('person')).toBe(PEOPLE - 3)
    expect([...simulator.model.rows('person')].map(({ id }) => id)).not.toEqual(expect.arrayContaining([bad]))
    expect([...simulator.model.rows('person')]).toHaveLength(PEOPLE - 3)
    expect(simulator.model.row('person', bad)).toBeUndefined()
    simulator.mutate({ op: 'repair', entity: 'person', id: bad })
    expect(simulator.model.count('person')).toBe(PEOPLE - 2)
  })
})

describe('the control address', () => {
  const control = (path: string, method = 'GET', body?: unknown) =>
    fetch(`${simulator.url}/_sim/${path}`, {
      method,
      headers: { 'x-simulator-control': simulator.controlToken },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  it('changes, shows rows, journal and counts, and resets', async () => {
    const id = idAt('person', 0)
    const changed = await control('mutations', 'POST', [
      { op: 'update', entity: 'person', id, attributes: { nickname: 'Remote' } },
    ])
    expect(await changed.json()).toEqual([{ entity: 'person', id }])
    const rows = (await (await control('rows/person')).text()).trim().split('\n')
    expect(rows).toHaveLength(PEOPLE)
    expect(JSON.parse(rows[0] ?? '')).toEqual(simulator.model.row('person', id))
    expect(JSON.parse(await (await control('journal')).text())).toMatchObject({ operation: 'update', id })
    expect(await (await control('stats')).json()).toMatchObject({ calls: 0, violations: 0 })
    expect((await control('reset', 'POST')).status).toBe(204)
    expect(simulator.model.row('person', id)?.attributes['nickname']).not.toBe('Remote')
  })

  it('says what is wrong with a mutation', async () => {
    const refused = await control('mutations', 'POST', { op: 'explode', entity: 'person' })
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('op')
  })

  it('does not exist without its token', async () => {
    expect((await request(simulator, '/_sim/stats')).status).toBe(404)
    expect((await request(simulator, '/_sim/stats', { headers: { 'x-simulator-control': 'guess' } })).status).toBe(404)
  })
})

describe('writing through the API', () => {
  const person = (attributes: object, more: object = {}) => ({ data: { type: 'Person', attributes, ...more } })

  it('creates, changes and deletes a person', async () => {
    const made = await request(simulator, '/people/v2/people', {
      method: 'POST',
      body: person({ first_name: 'Grace', last_name: 'Hopper', gender: 'F' }),
    })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({
      data: { type: 'Person', attributes: { name: 'Grace Hopper', gender: 'F', status: 'active' } },
    })
    const id = idAt('person', PEOPLE)
    const path = `/people/v2/people/${id}`
    expect(await getOne(simulator, path)).toMatchObject({ data: { id } })
    const changed = await request(simulator, path, { method: 'PATCH', body: person({ nickname: 'Amazing' }) })
    expect(changed.body).toMatchObject({ data: { id, attributes: { nickname: 'Amazing', first_name: 'Grace' } } })
    const gone = await request(simulator, path, { method: 'DELETE' })
    expect([gone.status, gone.body]).toEqual([204, undefined])
    expect((await request(simulator, path)).status).toBe(404)
    expect(simulator.model.journal.map(({ operation, by }) => `${operation} ${by}`)).toEqual([
      'insert api',
      'update api',
      'delete api',
    ])
  })

  it('creates an email below its person, and a household with its members', async () => {
    const owner = idAt('person', 0)
    const email = await request(simulator, `/people/v2/people/${owner}/emails`, {
      method: 'POST',
      body: { data: { type: 'Email', attributes: { address: 'a@example.org', location: 'Home' } } },
    })
    expect(email.body).toMatchObject({ data: { relationships: { person: { data: { type: 'Person', id: owner } } } } })
    const members = [owner, idAt('person', 9)].map((id) => ({ type: 'Person', id }))
    const home = await request(simulator, '/people/v2/households', {
      method: 'POST',
      body: {
        data: {
          type: 'Household',
          attributes: { name: 'Ours' },
          relationships: { primary_contact: { data: members[0] }, people: { data: members } },
        },
      },
    })
    expect(home.status).toBe(201)
    expect(home.body).toMatchObject({
      data: { attributes: { member_count: 2, primary_contact_id: owner }, relationships: { people: { data: members } } },
    })
    await expectApiEqualsModel()
  })

  it.each([
    ['{}', 400, 'invalid_resource_payload'],
    ['{"data"', 400, 'invalid_resource_payload'],
    [person({ first_name: 'A' }), 422, "last_name can't be blank"],
    [person({ first_name: 'A', last_name: 'B', shoe_size: 44 }), 422, 'shoe_size cannot be assigned'],
    [person({ first_name: 'A', last_name: 'B', created_at: '2020-01-01T00:00:00Z' }), 422, 'created_at cannot be assigned'],
    [person({ first_name: 'A', last_name: 'B', child: 'yes' }), 422, 'child is not a valid boolean'],
    [person({ first_name: 'A', last_name: 'B', primary_campus_id: '5' }), 422, 'primary_campus must exist'],
    [{ data: { type: 'Email', attributes: {} } }, 400, 'of type Email, not Person'],
  ])('refuses %j with %i', async (body, status, reason) => {
    const answer = await request(simulator, '/people/v2/people', { method: 'POST', body })
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer.body)).toContain(reason)
    expect(simulator.model.count('person')).toBe(PEOPLE)
  })

  it.each([
    ['POST', '/groups/v2/groups'],
    ['POST', '/people/v2/emails'],
    ['DELETE', '/groups/v2/groups/10000001'],
    ['PATCH', '/groups/v2/events/10000001'],
    ['DELETE', '/groups/v2/people/10000001'],
  ])('has no %s %s, because the vendor has none', async (method, path) => {
    expect((await request(simulator, path, { method, body: '{}' })).status).toBe(404)
  })
})
