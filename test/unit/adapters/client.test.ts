// The client alone, over real HTTP, against a simulated vendor: no Kafka, no PostgreSQL, no Redis.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { personalAccessToken } from '../../../adapters/core/auth.ts'
import { type Client, type ClientOptions, createClient } from '../../../adapters/core/client.ts'
import { pco } from '../../../adapters/pco/pco.ts'
import type { SourceRecord } from '../../../manifests/manifest.ts'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { type Answer, startScriptedServer, text } from './scripted-server.ts'

let simulator: Simulator
const clients: Client[] = []
const clientOf = (options: Partial<ClientOptions> = {}): Client => {
  const auth = personalAccessToken(simulator.personalToken)
  const client = createClient(pco, { auth, baseUrl: simulator.url, ...options })
  clients.push(client)
  return client
}
const collect = async (records: AsyncIterable<SourceRecord>): Promise<SourceRecord[]> => {
  const all: SourceRecord[] = []
  for await (const record of records) all.push(record)
  return all
}
const ids = (records: readonly SourceRecord[], entity: string) =>
  records.filter((record) => record.entity === entity).map((record) => record.externalId)
const modelIds = (entity: Parameters<Simulator['model']['rows']>[0]) => [...simulator.model.rows(entity)].map((row) => row.id)

beforeAll(async () => {
  simulator = await startSimulator({ people: 700, seed: 7 })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await simulator.close()
})

describe('a list', () => {
  it.each(['campus', 'household', 'person', 'address', 'email', 'phone-number', 'group', 'event'] as const)(
    'of %s gives each record of the model once',
    async (entity) => {
      const received = ids(await collect(clientOf().list(entity)), entity)
      expect(received.length).toBeGreaterThan(0)
      expect(received.toSorted()).toEqual(modelIds(entity).toSorted())
    },
  )

  it('gives what its pages include', async () => {
    const records = await collect(clientOf().list('person', { include: ['emails', 'addresses'] }))
    expect(ids(records, 'person')).toHaveLength(700)
    expect(new Set(ids(records, 'email'))).toEqual(new Set(modelIds('email')))
    expect(new Set(ids(records, 'address'))).toEqual(new Set(modelIds('address')))
  })

  it('below a parent gives the parent’s records', async () => {
    const all: (string | null)[] = []
    for (const id of modelIds('group')) {
      all.push(
        ...ids(await collect(clientOf().list('group-membership', { parent: { entity: 'group', id } })), 'group-membership'),
      )
    }
    expect(all.toSorted()).toEqual(modelIds('group-membership').toSorted())
  })

  it('below a parent that is gone is empty', async () => {
    expect(await collect(clientOf().list('group-membership', { parent: { entity: 'group', id: '99999999' } }))).toEqual([])
  })

  it('is narrowed and ordered as asked', async () => {
    const active = await collect(clientOf().list('person', { where: { status: 'inactive' }, order: '-created_at' }))
    expect(active.length).toBeGreaterThan(0)
    expect(active.every((record) => record.attributes?.['status'] === 'inactive')).toBe(true)
    const times = active.map((record) => String(record.attributes?.['created_at']))
    expect(times).toEqual(times.toSorted().reverse())
  })

  it('with smaller pages where they are too large is still whole', async () => {
    const records = await collect(clientOf({ maxBodyBytes: 40_000 }).list('person'))
    expect(new Set(ids(records, 'person'))).toEqual(new Set(modelIds('person')))
  })

  it('of unknown names is refused with the nearest ones, before anything is sent', async () => {
    const before = simulator.stats()
    const refused = (entity: string, options: Parameters<Client['list']>[1]) => collect(clientOf().list(entity, options))
    await expect(refused('persons', {})).rejects.toMatchObject({ code: 'usage', remedy: expect.stringContaining('person') })
    await expect(refused('person', { where: { statos: 'x' } })).rejects.toMatchObject({
      remedy: expect.stringContaining('status'),
    })
    await expect(refused('person', { order: 'createdat' })).rejects.toMatchObject({
      remedy: expect.stringContaining('created_at'),
    })
    await expect(refused('person', { include: ['email'] })).rejects.toMatchObject({ remedy: expect.stringContaining('emails') })
    await expect(refused('group-membership', {})).rejects.toMatchObject({ code: 'usage' })
    await expect(refused('group-membership', { parent: { entity: 'campus', id: '1' } })).rejects.toMatchObject({ code: 'usage' })
    expect(simulator.stats()).toEqual(before)
  })

  it('keeps to a limit by waiting for what the vendor says', async () => {
    const limited = await startSimulator({ people: 1200, rate: { limit: 5, periodSeconds: 1 } })
    const client = createClient(pco, { auth: personalAccessToken(limited.personalToken), baseUrl: limited.url })
    expect(await collect(client.list('person'))).toHaveLength(1200)
    expect(limited.stats().byStatus['429']).toBeGreaterThan(0)
    await client.close()
    await limited.close()
  })

  it('with a wrong credential says so', async () => {
    const client = clientOf({ auth: personalAccessToken('some:body') })
    await expect(collect(client.list('person'))).rejects.toMatchObject({ code: 'auth', status: 401 })
  })

  it('asks for a permit before each request and tells what the vendor said of its limit', async () => {
    let [permits, told] = [0, 0]
    const client = clientOf({
      permit: async () => void permits++,
      observe: () => void told++,
    })
    await collect(client.list('campus'))
    expect(permits).toBeGreaterThan(0)
    expect(told).toBe(permits)
  })
})

describe('one record', () => {
  it('is read by its id, null when there is none', async () => {
    const [id = ''] = modelIds('person')
    expect(await clientOf().get('person', id)).toMatchObject({ entity: 'person', externalId: id })
    expect(await clientOf().get('person', '99999999')).toBeNull()
  })

  it('is created, changed and deleted', async () => {
    const client = clientOf()
    const [person = ''] = modelIds('person')
    const change = { attributes: { address: 'new@example.org', location: 'Home' }, related: { person } }
    const created = await client.create('email', change)
    expect(created.attributes).toMatchObject({ address: 'new@example.org' })
    const id = created.externalId ?? ''
    expect((await client.update('email', id, { attributes: { location: 'Work' } })).attributes).toMatchObject({
      location: 'Work',
    })
    expect([await client.delete('email', id), await client.delete('email', id)]).toEqual([true, false])
    expect(modelIds('email')).not.toContain(id)
  })

  it('cannot be written where the API does not offer it, nor below a parent that is not named', async () => {
    await expect(clientOf().delete('group-membership', '1')).rejects.toMatchObject({ code: 'usage' })
    await expect(clientOf().create('email', { attributes: {} })).rejects.toThrow('needs person')
  })
})

describe('a deletion', () => {
  const deleted = async (...answers: readonly Answer[]): Promise<boolean> => {
    const server = await startScriptedServer()
    try {
      server.script(...answers)
      return await clientOf({ baseUrl: server.url, random: () => 0 }).delete('email', '1')
    } finally {
      await server.close()
    }
  }
  const lost: Answer = (_, socket) => socket.destroy()

  it('of what is gone after an answer was lost was most likely ours', async () => {
    expect(await deleted(lost, text('', 404))).toBe(true)
    expect(await deleted(text('', 502), text('', 404))).toBe(true)
  })

  it('of what was gone before is none, also when the first request was only put off', async () => {
    expect(await deleted(text('', 404))).toBe(false)
    expect(await deleted(text('', 429, { 'retry-after': '0' }), text('', 404))).toBe(false)
  })
})
