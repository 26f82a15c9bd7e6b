// The typed client over real HTTP, against a simulated vendor.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isApiError, memoryTokens, type PcoOptions, pcoAdapter, type StoredTokens } from '../../../adapters/pco/index.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../simulator/simulator.ts'
import { tokensOf } from '../../harness/consent.ts'
import { until } from '../../harness/until.ts'

let simulator: Simulator
const open: { close(): Promise<void> }[] = []

const start = async (options: Partial<SimulatorOptions> = {}): Promise<void> => {
  simulator = await startSimulator({ people: 250, seed: 7, ...options })
  open.push(simulator)
}
const clientOf = (options: Partial<PcoOptions> = {}) => {
  const [id = '', secret = ''] = simulator.personalToken.split(':')
  const client = pcoAdapter({ auth: { type: 'pat', id, secret }, baseUrl: simulator.url, limit: null, ...options })
  open.unshift(client)
  return client
}
const collect = async <T>(records: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const record of records) all.push(record)
  return all
}
const modelRows = (entity: Parameters<Simulator['model']['rows']>[0]) => [...simulator.model.rows(entity)]
const pointerOf = (record: ReturnType<typeof modelRows>[number] | undefined, name: string): string => {
  const data = record?.relationships?.[name]?.data
  return data != null && 'id' in data ? data.id : ''
}
const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

beforeEach(() => start())
afterEach(async () => {
  for (const each of open.splice(0)) await each.close()
})

describe('records', () => {
  test('have the attributes of the manifest, each as the API sent it or null, and what it does not know apart', async () => {
    const people = await collect(clientOf().person.list({ where: { child: true }, order: '-created_at' }))
    expect(people.length).toBeGreaterThan(0)
    for (const { attributes, entity } of people) {
      expect([entity, attributes.child]).toEqual(['person', true])
      expect(attributes.created_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
      expect(Object.values(attributes)).not.toContain(undefined)
    }
    const times = people.map(({ attributes }) => attributes.created_at ?? '')
    expect(times).toEqual(times.toSorted().reverse())
  })

  test('come with what their page includes, each with the one it belongs to', async () => {
    const people = await collect(clientOf().person.list({ include: ['emails', 'phone_numbers'] }))
    expect(people).toHaveLength(250)
    const emails = people.flatMap(({ id, included }) => included.emails.map((email) => `${id} ${email.id}`))
    const expected = modelRows('email').map((email) => `${pointerOf(email, 'person')} ${email.id}`)
    expect(emails.toSorted()).toEqual(expected.toSorted())
    const phones = people.flatMap(({ included }) => included.phone_numbers.map(({ id }) => id))
    expect(phones.toSorted()).toEqual(
      modelRows('phone-number')
        .map(({ id }) => id)
        .toSorted(),
    )
  })

  test('come as soon as their page has, and members with the household that they are of', async () => {
    for await (const { included } of clientOf().person.list({ include: ['emails'] })) {
      expect(included.emails).toBeInstanceOf(Array)
      break
    }
    expect(simulator.stats().calls).toBe(1)
    const households = await collect(clientOf().household.list({ include: ['people'], fields: ['name'] }))
    const members = households.flatMap(({ id, included }) => included.people.map(({ related }) => `${id} ${related.person}`))
    const expected = modelRows('household-membership').map((row) => `${pointerOf(row, 'household')} ${pointerOf(row, 'person')}`)
    expect(members.toSorted()).toEqual(expected.toSorted())
  })

  test('have the fields that were asked for and no others, and are on pages of the size that was asked for', async () => {
    const fields = ['first_name', 'child'] as const
    const expected = modelRows('person').map(({ id, attributes }) => [
      id,
      { first_name: attributes['first_name'], child: attributes['child'] },
    ])
    for (const options of [
      {},
      { include: ['emails'] },
      { order: 'last_name' },
      { where: { 'created_at[gte]': '1970-01-01T00:00:00Z' } },
    ] as const) {
      const people = await collect(clientOf().person.list({ ...options, fields }))
      expect(people.map(({ id, attributes, other }) => [id, attributes, other]).toSorted()).toEqual(
        expected.map(([id, attributes]) => [id, attributes, {}]).toSorted(),
      )
    }
    const before = simulator.stats().calls
    expect(await collect(clientOf().person.list({ perPage: 40, fields: [] }))).toHaveLength(250)
    expect(simulator.stats().calls - before).toBeGreaterThanOrEqual(Math.ceil(250 / 40))
    expect(await collect(clientOf().campus.list({ perPage: 1 }))).toHaveLength(modelRows('campus').length)
  })

  test('that cannot be are refused before anything is sent: unknown fields, no records a page', async () => {
    const untyped: { fields: never[] } = JSON.parse('{"fields": ["first_nam"]}')
    expect(await thrownBy(collect(clientOf().person.list(untyped)))).toMatchObject({
      code: 'usage',
      remedy: 'Did you mean first_name?',
    })
    const unknown: { where: Record<never, string> } = { where: { 'created_at[get]': '2020-01-01T00:00:00Z' } }
    expect(await thrownBy(collect(clientOf().person.list(unknown)))).toMatchObject({
      code: 'usage',
      message: "person cannot be compared by 'get'",
    })
    for (const perPage of [0, -1, 1.5, Number.NaN]) {
      expect(await thrownBy(collect(clientOf().person.list({ perPage })))).toMatchObject({ code: 'usage' })
    }
    expect(simulator.stats().calls).toBe(0)
  })

  test('that are not what the manifest says are an error that names the record and the rule', async () => {
    const [person] = modelRows('person')
    simulator.mutate({ op: 'update', entity: 'person', id: person?.id ?? '', attributes: { child: 'perhaps' } })
    const error = await thrownBy(collect(clientOf().person.list()))
    expect(isApiError(error, 'bad-response')).toBe(true)
    expect(String(error)).toContain(`person ${person?.id}: child must be true or false`)
    expect(String(error)).not.toContain('perhaps')
  })
})

describe('one record', () => {
  test('is created, read, changed and deleted', async () => {
    const client = clientOf()
    const created = await client.person.create({
      first_name: 'Ada',
      last_name: 'Lovelace',
      birthdate: '1815-12-10',
      child: false,
    })
    expect(created.attributes).toMatchObject({ first_name: 'Ada', birthdate: '1815-12-10', child: false })
    const email = await client.email.create({ address: 'ada@example.org', location: 'Home' }, { person: created.id })
    expect(await client.email.get(email.id)).toMatchObject({ related: { person: created.id } })
    const changed = await client.person.update(created.id, { nickname: 'Countess', primary_campus_id: null })
    expect(changed.attributes).toMatchObject({ nickname: 'Countess', first_name: 'Ada' })
    expect([await client.email.delete(email.id), await client.email.delete(email.id)]).toEqual([true, false])
    expect(await client.email.get(email.id)).toBeNull()
  })

  test('below a parent is named with it', async () => {
    const client = clientOf()
    const [membership] = modelRows('group-membership')
    const group = pointerOf(membership, 'group')
    expect(await client.groupMembership.get(membership?.id ?? '', { group })).toMatchObject({ entity: 'group-membership' })
    expect(await client.groupMembership.update(membership?.id ?? '', { role: 'leader' }, { group })).toMatchObject({
      attributes: { role: 'leader' },
    })
    const members = await collect(client.groupMembership.list({ parent: { entity: 'group', id: group } }))
    expect(members.map(({ id }) => id)).toContain(membership?.id)
  })

  test('that the vendor finds wrong is an error with what it says', async () => {
    const error = await thrownBy(clientOf().person.create({ first_name: 'Nameless' }))
    if (!isApiError(error, 'bad-request')) throw error
    expect(error).toMatchObject({ status: 422, code: 'bad-request' })
    expect(error.problems).toEqual([{ detail: "last_name can't be blank", attribute: null }])
    // Not where it is printed: it may repeat what was sent.
    expect(JSON.stringify([error.message, error.details, error])).not.toContain('blank')
  })

  test('cannot be given an attribute that cannot be written, whatever the caller is written in', async () => {
    const untyped: Record<string, string> = { first_nam: 'Ada' }
    await expect(clientOf().person.create(untyped)).rejects.toMatchObject({ code: 'usage', remedy: 'Did you mean first_name?' })
    expect(simulator.stats().calls).toBe(0)
  })
})

describe('a failure that may pass', () => {
  test('is waited out as often as was asked for, and tokens are refreshed all the same', async () => {
    simulator.tamper('web-page')
    const refused = await thrownBy(collect(clientOf({ retries: 0 }).campus.list()))
    expect(isApiError(refused, 'bad-response')).toBe(true)
    expect(String(refused)).toContain('a web page instead of JSON')
    expect(simulator.stats().calls).toBe(1)
    simulator.tamper('error-502')
    expect(await collect(clientOf({ retries: 1 }).campus.list({ perPage: 50 }))).toHaveLength(modelRows('campus').length)
    expect(simulator.tampering()).toEqual([])
    const { accessToken, refreshToken } = await tokensOf(simulator)
    const auth = { type: 'oauth' as const, ...simulator.app, tokens: { accessToken, refreshToken } }
    simulator.oauth.expire()
    expect(await collect(clientOf({ retries: 0, auth }).campus.list())).toHaveLength(modelRows('campus').length)
  })
})

describe('the limit', () => {
  test('is kept to by waiting: the vendor refuses nothing, and most of it is used', async () => {
    await start({ people: 3_000, rate: { limit: 10, periodSeconds: 1 } })
    const startedAt = performance.now()
    expect(await collect(clientOf({ limit: { requests: 100, periodMs: 20_000 } }).person.list())).toHaveLength(3_000)
    const { violations, maxInWindow, calls } = simulator.stats()
    expect({ violations, maxInWindow }).toEqual({ violations: 0, maxInWindow: 10 })
    expect(performance.now() - startedAt).toBeGreaterThan((calls / 10 - 1) * 1_000)
  })
})

describe('tokens', () => {
  const app = () => ({ type: 'oauth' as const, ...simulator.app })
  const consented = async (): Promise<StoredTokens> => {
    const { accessToken, refreshToken, expiresInSeconds } = await tokensOf(simulator)
    return { accessToken, refreshToken, expiresAt: Date.now() + expiresInSeconds * 1_000 }
  }

  test('are refreshed once for all who are refused, and stored before they are used', async () => {
    const store = memoryTokens(await consented())
    const before = await store.load()
    const saved: string[] = []
    const tokens = {
      load: store.load,
      save: async (next: StoredTokens) => {
        expect(simulator.oauth.identify(next.accessToken)).toBeDefined()
        saved.push(next.accessToken)
        await store.save(next)
      },
    }
    const client = clientOf({ auth: { ...app(), tokens } })
    simulator.oauth.expire()
    await Promise.all([collect(client.campus.list()), collect(client.person.list()), collect(client.event.list())])
    expect(saved).toHaveLength(1)
    expect((await store.load()).refreshToken).not.toBe(before.refreshToken)
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
  })

  test('are refreshed before they expire, so that nothing is refused', async () => {
    const expiresAt = Date.now() + 1_000
    const client = clientOf({ auth: { ...app(), tokens: { ...(await consented()), expiresAt } } })
    await collect(client.campus.list())
    await until('most of its life is over', () => Date.now() > expiresAt - 400)
    await collect(client.campus.list())
    expect(simulator.oauth.stats().refreshes).toBe(1)
    expect(simulator.stats().byStatus['401']).toBeUndefined()
  })

  test('whose refresh was lost or failed are refreshed with the old one once more', async () => {
    const client = clientOf({ auth: { ...app(), tokens: await consented() } })
    simulator.oauth.expire()
    simulator.oauth.fail('dropped')
    await collect(client.campus.list())
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
  })

  test('that could not be stored are stored with the next request, and not used before', async () => {
    const store = memoryTokens(await consented())
    let isFull = true
    const tokens = {
      load: store.load,
      save: async (next: StoredTokens) => {
        if (isFull) throw new Error('the disk is full')
        await store.save(next)
      },
    }
    const client = clientOf({ auth: { ...app(), tokens } })
    simulator.oauth.expire()
    for (let again = 0; again < 2; again++) {
      const error = await thrownBy(collect(client.campus.list()))
      expect(error).toMatchObject({ code: 'unavailable', cause: { message: 'the disk is full' } })
    }
    isFull = false
    expect(await collect(client.campus.list())).toHaveLength(modelRows('campus').length)
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
  })

  test('that another process has refreshed are taken from the store', async () => {
    const tokens = memoryTokens(await consented())
    const [one, other] = [clientOf({ auth: { ...app(), tokens } }), clientOf({ auth: { ...app(), tokens } })]
    await collect(one.campus.list())
    await collect(other.campus.list())
    simulator.oauth.expire()
    await collect(one.campus.list())
    await collect(other.campus.list())
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
  })

  test('that a store does not hold are said to be missing', async () => {
    const tokens = { load: async () => JSON.parse('null'), save: async () => {} }
    const error = await thrownBy(collect(clientOf({ auth: { ...app(), tokens } }).campus.list()))
    expect(error).toMatchObject({ code: 'config', remedy: expect.stringContaining('Connect') })
  })

  test('that the vendor does not refresh any more say that somebody has to consent', async () => {
    const client = clientOf({ auth: { ...app(), tokens: await consented() } })
    simulator.oauth.revoke()
    const error = await thrownBy(collect(client.campus.list()))
    expect(isApiError(error, 'auth')).toBe(true)
    expect(error).toMatchObject({ remedy: expect.stringContaining('consent') })
  })
})
