// Deliveries of a simulated vendor to the tables, by the real processes: in any order, more than once, forged, while services are away.
import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalId } from '../../manifests/identity.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { withLook } from '../../platform/kafka/look.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { startFront } from '../harness/front.ts'
import { receiverUrl } from '../harness/receiver.ts'
import { type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'
import { stackAddresses } from './support.ts'

let installation: Installation
let simulator: Simulator
let workers: WorkerProcess
let receiver: WorkerProcess
let base: string

const ORG = 'acme'

const kafka = () => createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })

const startReceiver = async (env: Record<string, string> = {}): Promise<void> => {
  receiver = installation.workerWith(
    { SYNCLINE_WEBHOOKS_PORT: base === undefined ? '0' : new URL(base).port, ...env },
    'webhooks',
  )
  base = await receiverUrl(receiver)
}

const rowOf = async (entity: string, id: string) => {
  const { rows } = await installation.pool.query(`select * from canonical.${entity} where org_id = $1 and external_id = $2`, [
    ORG,
    id,
  ])
  return rows[0]
}
const lastNameIs = (id: string, name: string) =>
  until(`person ${id} is called ${name}`, async () => (await rowOf('person', id))?.last_name === name)
const isDeleted = (entity: string, id: string) =>
  until(`${entity} ${id} is deleted`, async () => (await rowOf(entity, id))?.deleted_at != null)
/** What a delivery tells is a hint until the API has said it too; a row that a hint has changed stands at revision 1 as well. */
const isDeletedForSure = (entity: string, id: string) =>
  until(`the deletion of ${entity} ${id} is an observation`, async () => {
    const row = await rowOf(entity, id)
    return row?.deleted_at != null && row.mapping_revision === 1
  })
const nothingAsked = () =>
  until('nothing is left to ask', async () => {
    const { rows } = await installation.pool.query('select count(*)::int as n from sync.asks')
    return rows[0]?.n === 0
  })

const rename = (id: string, name: string) => simulator.mutate({ op: 'rename', entity: 'person', id, name })
const people = () => [...simulator.model.rows('person')].map(({ id }) => id)

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 60 })
  simulator.webhooks.retryAfter(200)
  const added = await installation.cli(
    ['org', 'add', ORG, '--base-url', simulator.url, '--no-schedules', '--pat-stdin'],
    `${simulator.personalToken}\n`,
  )
  expect(added.code).toBe(0)
  workers = installation.worker('all')
  const synced = await installation.cli(['sync', '--org', ORG, '--wait', '--json'])
  expect(synced.code).toBe(0)
  await startReceiver()
  const ensured = await installation.cli(['webhooks', 'ensure', '--org', ORG, '--url', base, '--json'])
  expect(ensured).toMatchObject({ code: 0 })
})
afterAll(async () => {
  await receiver?.stop()
  await workers?.stop()
  await simulator?.close()
  await installation?.remove()
})

describe('webhooks ensure', () => {
  test('makes one subscription for each event, and finds all in order the next time', async () => {
    const names = [...simulator.webhooks.subscriptions.values()].map(({ name }) => name)
    expect(names).toHaveLength(22)
    expect(new Set(names).size).toBe(22)
    const again = await installation.cli(['webhooks', 'ensure', '--org', ORG, '--url', base, '--json'])
    expect(again.json.every(({ done }) => done === 'keep')).toBe(true)
    expect(await installation.cli(['webhooks', 'list', '--org', ORG])).toMatchObject({ code: 0 })
  })

  test('mends what was switched off, doubled, lost or moved, and leaves others alone', async () => {
    const [first, second, third] = [...simulator.webhooks.subscriptions.values()]
    if (first === undefined || second === undefined || third === undefined) throw new Error('no subscriptions')
    first.active = false
    simulator.webhooks.remove(second.id)
    simulator.webhooks.subscribe(third.name, third.url)
    const foreign = simulator.webhooks.subscribe(third.name, 'http://127.0.0.1:9/elsewhere')
    const moved = simulator.webhooks.subscribe(third.name, third.url.replace('127.0.0.1', 'localhost'))
    expect(await installation.cli(['webhooks', 'list', '--org', ORG])).toMatchObject({ code: 1 })
    const { json } = await installation.cli(['webhooks', 'ensure', '--org', ORG, '--url', base, '--json'])
    expect(
      json
        .map(({ done }) => done)
        .filter((done) => done !== 'keep')
        .sort(),
    ).toEqual(['activate', 'create', 'remove', 'remove'])
    expect(simulator.webhooks.subscriptions.has(foreign.id)).toBe(true)
    expect(simulator.webhooks.subscriptions.has(moved.id)).toBe(false)
    simulator.webhooks.remove(foreign.id)
    expect(await installation.cli(['webhooks', 'list', '--org', ORG])).toMatchObject({ code: 0 })
  })
})

describe('a change', () => {
  test('is in the tables without a sync: new, changed and gone', async () => {
    const [id = ''] = people()
    rename(id, 'Delivered')
    await lastNameIs(id, 'Delivered')
    const [made] = simulator.mutate({ op: 'insert', entity: 'person', attributes: { first_name: 'New', last_name: 'Comer' } })
    await lastNameIs(made?.id ?? '', 'Comer')
    simulator.mutate({ op: 'delete', entity: 'person', id: made?.id ?? '' })
    await isDeleted('person', made?.id ?? '')
    // By the delivery at once, then confirmed by the API.
    await isDeletedForSure('person', made?.id ?? '')
    await nothingAsked()
    expect(await rowOf('person', made?.id ?? '')).toMatchObject({ last_name: null })
  })

  test('is traced to the delivery that told of it, and a deletion to the question that confirmed it', async () => {
    const [id = ''] = people().slice(40)
    const traced = async () => (await installation.cli(['trace', 'person', id, '--org', ORG, '--json'])).json.at(-1) ?? {}
    const messageAt = (place: unknown) => {
      // The shape of `trace --json`; a wrong one fails the look-up.
      const { topic, partition, offset } = place as { topic: string; partition: number; offset: number }
      return withLook(kafka(), (look) => look.at({ topic, partition }, BigInt(offset)))
    }
    rename(id, 'Traced')
    await lastNameIs(id, 'Traced')
    const changed = await traced()
    expect(changed).toMatchObject({
      state: 'row',
      gaps: [],
      answer: null,
      delivery: { event: 'people.v2.events.person.updated' },
    })
    expect(String((await messageAt(changed['delivery']))?.value)).toContain('Traced')

    simulator.mutate({ op: 'delete', entity: 'person', id })
    await isDeletedForSure('person', id)
    const deleted = await traced()
    expect(deleted).toMatchObject({
      ...{ state: 'deleted', gaps: [], answer: { said: 'gone' } },
      delivery: { event: 'people.v2.events.person.destroyed' },
    })
    expect(await messageAt(deleted['answer'])).toMatchObject({ headers: { kind: 'gone', id } })
    expect(String((await messageAt(deleted['delivery']))?.value)).toContain('person.destroyed')
    const { stdout } = await installation.cli(['trace', 'person', id, '--org', ORG])
    expect(stdout).toMatch(/told +delivery people\.v2\.events\.person\.destroyed/)
    expect(stdout).toMatch(/asked +by its id: the API does not have it/)
  })

  test('that comes five times, late and in another order ends as the vendor has it', async () => {
    const ids = people().slice(1, 11)
    let n = 0
    simulator.webhooks.script(() => ({ copies: 5, delayMs: (n++ * 37) % 300 }))
    for (let round = 0; round < 5; round++) for (const id of ids) rename(id, `Round${round}`)
    simulator.webhooks.script(() => ({}))
    await until('all is delivered', () => simulator.webhooks.stats().pending === 0)
    for (const id of ids) await lastNameIs(id, 'Round4')
    await nothingAsked()
    for (const id of ids) expect(await rowOf('person', id)).toMatchObject({ last_name: 'Round4' })
  })

  test('of something without an updated_at is asked for by its id', async () => {
    const [group] = [...simulator.model.rows('group')]
    const id = group?.id ?? ''
    simulator.mutate({ op: 'rename', entity: 'group', id, name: 'Renamed' })
    await until('the group is renamed', async () => (await rowOf('"group"', id))?.name === 'Renamed')
    const [membership] = [...simulator.model.rows('group-membership')]
    simulator.mutate({ op: 'update', entity: 'group-membership', id: membership?.id ?? '', attributes: { role: 'chair' } })
    await until('the role is changed', async () => (await rowOf('group_membership', membership?.id ?? ''))?.role === 'chair')
    await nothingAsked()
  })

  test('of a merger asks for both people: one is gone, the other is as it is now', async () => {
    const [keep = '', remove = ''] = people().slice(20, 22)
    simulator.webhooks.script(() => ({ forged: true, delayMs: 60_000 }))
    simulator.mutate({ op: 'delete', entity: 'person', id: remove })
    rename(keep, 'Kept')
    simulator.webhooks.script(() => ({}))
    const person = (id: string) => ({ data: { type: 'Person', id } })
    const data = {
      type: 'PersonMerger',
      id: '1',
      relationships: { person_to_keep: person(keep), person_to_remove: person(remove) },
    }
    simulator.webhooks.publish({ event: 'people.v2.events.person_merger.created', payload: JSON.stringify({ data }) })
    await isDeleted('person', remove)
    await lastNameIs(keep, 'Kept')
  })
})

test('a person who was merged points to the one that was kept at once, and still does when the deletion is told again', async () => {
  const [keep = '', remove = ''] = people().slice(42, 44)
  const kept = canonicalId(ORG, 'pco', 'person', keep)
  const pointsSince = (since: Date) =>
    until('the pointer is there', async () => {
      const row = await rowOf('person', remove)
      return row?.merged_into_id === kept && row.observed_at > since
    })
  simulator.mutate({ op: 'merge', entity: 'person', id: remove, into: keep })
  await pointsSince(new Date(0))
  await nothingAsked()
  const { observed_at: before } = await rowOf('person', remove)
  const payload = JSON.stringify({ data: { type: 'Person', id: remove, attributes: {} } })
  simulator.webhooks.publish({ event: 'people.v2.events.person.destroyed', payload })
  await pointsSince(before)
  const { json } = await installation.cli(['trace', 'person', remove, '--org', ORG, '--json'])
  expect(json).toMatchObject([{ answer: { said: 'merged' }, delivery: { event: 'people.v2.events.person.destroyed' }, gaps: [] }])
})

describe('the receiver', () => {
  const send = async (
    body: string | Buffer,
    how: { path?: string; secret?: string; event?: string; signature?: string } = {},
  ) => {
    const subscription = [...simulator.webhooks.subscriptions.values()].find(
      ({ name }) => name === 'people.v2.events.person.updated',
    )
    const secret = how.secret ?? subscription?.secret ?? ''
    const path = how.path ?? new URL(subscription?.url ?? '').pathname
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      body,
      headers: {
        'x-pco-webhooks-authenticity': how.signature ?? createHmac('sha256', secret).update(body).digest('hex'),
        'x-pco-webhooks-name': how.event ?? 'people.v2.events.person.updated',
      },
    })
    return response.status
  }
  const letters = async (code: string) =>
    (await installation.cli(['dlq', 'list', '--code', code, '--state', 'all', '--json'])).json.filter(
      ({ type }) => type === 'dead-letter',
    )

  test('refuses a wrong signature, an unknown organisation, a guessed address, a huge and an empty body, and never says 410', async () => {
    const event = (name: string) => JSON.stringify({ data: [{ type: 'EventDelivery', attributes: { name, payload: '{}' } }] })
    expect(await send(event('x'), { secret: 'wrong' })).toBe(401)
    expect(await send(event('x'), { signature: 'zz' })).toBe(401)
    expect(await send(event('x'), { path: '/webhooks/nobody/pco/abcdefghijklmnopqrstuvwx' })).toBe(404)
    expect(await send(event('x'), { path: '/webhooks/acme/pco/abcdefghijklmnopqrstuvwx' })).toBe(404)
    expect(await send(event('x'), { path: '/' })).toBe(404)
    expect(await send(Buffer.alloc(3 * 1024 * 1024, 0x20))).toBe(413)
    expect(await send('')).toBe(400)
    expect((await fetch(base)).status).toBe(404)
    expect(receiver.log()).toContain('syncline webhooks ensure')
    expect(receiver.isRunning()).toBe(true)
  })

  test('refuses who has no address before it reads a body, and has no room for more than its share of bodies', async () => {
    const announce = (path: string, bytes: number) => {
      const sent = request(`${base}${path}`, { method: 'POST', headers: { 'content-length': bytes } })
      const status = new Promise<number | undefined>((resolve) => {
        sent.on('response', ({ statusCode }) => resolve(statusCode))
        sent.on('error', () => resolve(undefined))
      })
      sent.flushHeaders()
      return { status, end: () => sent.destroy() }
    }
    const mebibytes = 1024 * 1024
    const stranger = announce('/webhooks/acme/pco/abcdefghijklmnopqrstuvwx', mebibytes)
    expect(await stranger.status).toBe(404)
    stranger.end()
    const [subscription] = simulator.webhooks.subscriptions.values()
    const { pathname } = new URL(subscription?.url ?? '')
    const half = Array.from({ length: 17 }, () => announce(pathname, 2 * mebibytes))
    // Nobody sends a body: only one that finds no room is answered.
    expect(await Promise.any(half.map(({ status }) => status))).toBe(503)
    for (const { end } of half) end()
    await until('there is room again', async () => (await send(JSON.stringify({ data: [] }))) === 200)
  })

  test('takes an event that nobody knows, which dies with its bytes, and can be replayed', async () => {
    const body = JSON.stringify({
      data: [{ type: 'EventDelivery', attributes: { name: 'people.v2.events.person.levitated', payload: '{}' } }],
    })
    expect(await send(body)).toBe(200)
    await until('it is a dead letter', async () => (await letters('unknown-event')).length === 1)
    const [letter] = await letters('unknown-event')
    expect(letter?.['reason']).toContain('people.v2.events.person.levitated')
    const shown = await installation.cli(['dlq', 'show', String(letter?.['id'])])
    expect(shown.stdout).toContain('levitated')
    expect(await installation.cli(['dlq', 'replay', String(letter?.['id'])])).toMatchObject({ code: 0 })
    await until('it died again', async () =>
      (await letters('unknown-event')).some(({ id, state }) => id !== letter?.['id'] && state === 'open'),
    )
  })

  test('takes deliveries that were signed before and after a rotation', async () => {
    const [id = ''] = people().slice(30)
    const before =
      [...simulator.webhooks.subscriptions.values()].find(({ name }) => name === 'people.v2.events.person.updated')?.secret ?? ''
    const { code } = await installation.cli(['webhooks', 'ensure', '--org', ORG, '--url', base, '--rotate'])
    expect(code).toBe(0)
    const event = JSON.stringify({ data: [] })
    expect(await send(event, { secret: before })).toBe(200)
    expect(await send(event)).toBe(200)
    rename(id, 'Rotated')
    await lastNameIs(id, 'Rotated')
    expect(Object.keys(simulator.webhooks.stats().attempts)).not.toContain('410')
  })

  test('that is killed between verifying and Kafka loses nothing: the vendor sends it again', async () => {
    const [id = ''] = people().slice(31)
    await receiver.stop()
    await startReceiver({ SYNCLINE_FAIL: 'webhook.after-verify:crash' })
    rename(id, 'Survived')
    await until('the receiver is gone', () => !receiver.isRunning())
    await startReceiver()
    await lastNameIs(id, 'Survived')
  })
})

describe('an organisation that leaves', () => {
  const add = async (org: string, url: string): Promise<void> => {
    const added = await installation.cli(
      ['org', 'add', org, '--base-url', url, '--no-schedules', '--pat-stdin'],
      simulator.personalToken,
    )
    expect(added.code, added.stderr).toBe(0)
    const ensured = await installation.cli(['webhooks', 'ensure', '--org', org, '--url', base])
    expect(ensured.code, ensured.stderr).toBe(0)
  }
  const subscribed = (org: string): number =>
    [...simulator.webhooks.subscriptions.values()].filter(({ url }) => url.includes(`/webhooks/${org}/`)).length

  test('takes its subscriptions at the API along, and no others', async () => {
    await add('leaver', simulator.url)
    expect(subscribed('leaver')).toBe(22)
    const { code, json } = await installation.cli(['org', 'remove', 'leaver', '--yes', '--json'])
    expect([code, json]).toMatchObject([0, [{ type: 'org-removed', subscriptions: [{ removed: 22, left: null }] }]])
    expect([subscribed('leaver'), subscribed(ORG)]).toEqual([0, 22])
  })

  test('is let go though the API refuses, and it is said what is left there', async () => {
    const front = await startFront(simulator.url)
    try {
      await add('shut-out', front.url)
      front.refuse(/^\/webhooks\//)
      const { code, json, stderr } = await installation.cli(['org', 'remove', 'shut-out', '--yes', '--json'])
      expect([code, json]).toMatchObject([0, [{ subscriptions: [{ removed: 0, left: expect.any(String) }] }]])
      expect(stderr).toContain(`${base}/webhooks/shut-out/pco/`)
      expect((await installation.cli(['org', 'list', '--json'])).stdout).not.toContain('shut-out')
    } finally {
      await front.close()
    }
  })
})

test('a fetcher killed before and after it has sent an answer asks again', async () => {
  await workers.stop()
  for (const [n, site] of ['ask.after-answer', 'ask.after-send'].entries()) {
    const [id = ''] = people().slice(33 + n)
    const others = ['orchestrate', 'process', 'sink']
    const rest = installation.worker(...others)
    const fetcher = installation.workerWith({ SYNCLINE_FAIL: `${site}:crash` }, 'fetch')
    simulator.mutate({ op: 'delete', entity: 'person', id })
    await until('the fetcher is gone', () => !fetcher.isRunning())
    const another = installation.worker('fetch')
    await nothingAsked()
    await isDeleted('person', id)
    await Promise.all([rest.stop(), another.stop()])
  }
})
