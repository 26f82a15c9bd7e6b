// Field rules from end to end: all topics and tables are searched for what an organisation does not want to be held, whichever way it came.
// Every search has its counterpart: what came the same way and is wanted is found, so that nothing passes because nothing came.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditTrail } from '../../ledger/audit.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { placesWith } from '../harness/holdings.ts'
import { receiverUrl } from '../harness/receiver.ts'
import { type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'
import { stackAddresses } from './support.ts'

const ORG = 'acme'
const NOTES = 'allergic to secrets'
const ADDRESS = 'nobody.knows@example.org'
const CHILD_BORN = '2013-02-17'
const ADULT_BORN = '1971-03-04'
const CAP = 100_000

let installation: Installation
let simulator: Simulator

const people = () => [...simulator.model.rows('person')].map(({ id }) => id)
const update = (entity: 'person' | 'email' | 'group', id: string, attributes: Record<string, string | number | boolean>) =>
  simulator.mutate({ op: 'update', entity, id, attributes })
const searched = () => ({ pool: installation.pool, prefix: installation.prefix, brokers: stackAddresses().kafka })
const placesOf = (text: string) => placesWith(searched(), text)
const nothingHeld = async () => {
  for (const text of [NOTES, ADDRESS, CHILD_BORN]) expect(await placesOf(text), text).toEqual([])
}
const fields = (...args: readonly string[]) => installation.cli(['org', 'fields', ORG, ...args])
const sync = (...args: readonly string[]) => installation.cli(['sync', '--org', ORG, '--with-workers', '--json', ...args])
const rowOf = async (table: string, id: string | undefined, org = ORG) => {
  const { rows } = await installation.pool.query(
    `select t.*, t.custom_fields::text as custom from canonical.${table} t where org_id = $1 and external_id = $2`,
    [org, id],
  )
  return rows[0]
}
const add = (org: string) =>
  installation.cli(
    ['org', 'add', org, '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin'],
    simulator.personalToken,
  )
const [child, adult, broken, huge] = [0, 1, 3, 4]
const emails = (person: string | undefined) =>
  [...simulator.model.rows('email')].filter(({ relationships }) =>
    JSON.stringify(relationships['person']).includes(`"${person}"`),
  )
/** One whom a household names. */
const hidden = (): string => {
  const membership = [...simulator.model.rows('household-membership')].at(-1)
  return /"id":"(\d+)"/.exec(JSON.stringify(membership?.relationships['person']))?.[1] ?? ''
}
/** What a run asked for. */
const pathsOf = async (runId: unknown): Promise<readonly string[]> => {
  const { rows } = await installation.pool.query<{ request: string }>('select request from sync.pages where run_id = $1', [runId])
  return rows.map(({ request }) => request.replace(/\?.*/, ''))
}

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 60 })
  simulator.webhooks.retryAfter(200)
  const ids = people()
  for (const id of ids) update('person', id, { medical_notes: NOTES, nickname: 'welcome', child: false, birthdate: ADULT_BORN })
  update('person', ids[child] ?? '', { child: true, birthdate: CHILD_BORN })
  update('person', hidden(), { nickname: 'hidden-welcome' })
  for (const { id } of simulator.model.rows('email')) update('email', id, { address: ADDRESS, location: 'welcome-home' })
  for (const { id } of simulator.model.rows('group')) update('group', id, { description: NOTES })
  expect((await add(ORG)).code).toBe(0)
})
afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

describe('a rule that cannot be', () => {
  test.each([
    ['has an unknown entity', ['--entity', 'persn', '--drop', 'name'], /person/],
    ['has an unknown attribute', ['--entity', 'person', '--drop', 'medical_note'], /medical_notes.*--unlisted/],
    ['is of what versions are made of', ['--entity', 'person', '--drop', 'updated_at'], /updated_at of person is/],
    ['masks a number', ['--entity', 'person', '--mask', 'grade'], /neither text nor a date/],
    ['has no such condition', ['--entity', 'person', '--drop', 'name', '--when', 'name'], /true-or-false/],
    ['is of a copy', ['--entity', 'household-membership', '--drop', 'person_name'], /--entity person --drop name/],
    ['names no entity', ['--drop', 'name'], /--entity/],
    ['names no attribute', ['--entity', 'person'], /--drop/],
    ['says two things', ['--entity', 'person', '--drop', 'name', '--hash', 'name'], /named twice/],
    ['is taken away and is not there', ['--entity', 'person', '--keep', 'name'], /no rule/],
  ])('because it %s is refused with the next step', async (_, args, words) => {
    const { code, stderr } = await fields(...args)
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)])
  })

  test('changes nothing, and one of an organisation that nobody knows is refused', async () => {
    expect((await fields()).stderr).toContain('no field rules')
    expect(await installation.cli(['org', 'fields', 'acm'])).toMatchObject({ code: 2, stderr: expect.stringContaining(ORG) })
  })
})

describe('a value under a rule', () => {
  beforeAll(async () => {
    for (const args of [
      ['person', '--drop', 'medical_notes'],
      ['person', '--mask', 'birthdate', '--when', 'child'],
      ['email', '--hash', 'address'],
      ['group', '--drop', 'description'],
    ]) {
      const { code, stderr } = await fields('--entity', ...args)
      expect(code, stderr).toBe(0)
    }
  })

  test('is on no topic and in no table after a sync, and all else is', async () => {
    const { code, stderr } = await sync()
    expect(code, stderr).toBe(0)
    expect(await placesOf('welcome')).toEqual(expect.arrayContaining(['raw.pco', 'canonical.person']))
    expect(await placesOf(ADULT_BORN)).toContain('raw.pco')
    await nothingHeld()
    const [id] = people()
    expect(await rowOf('person', id)).toMatchObject({ medical_notes: null, nickname: 'welcome', child: true })
    const born = 'select birthdate::text as born, count(*)::int as n from canonical.person group by 1 order by 1'
    expect((await installation.pool.query(born)).rows).toEqual([
      { born: ADULT_BORN, n: 59 },
      { born: '2013-01-01', n: 1 },
    ])
    const { rows } = await installation.pool.query('select distinct address from canonical.email')
    expect(rows).toEqual([{ address: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  })

  test('is no difference to the API, which is compared under the same rules', async () => {
    const compared = await installation.cli(['verify', '--org', ORG, '--against-api', '--all', '--json'])
    expect(compared.code, compared.stdout).toBe(0)
    const values = await installation.cli(['verify', '--org', ORG, '--against-api', '--sample', '20', '--values'])
    expect([values.code, values.stdout.includes(NOTES)]).toEqual([0, false])
  })

  test('is listed with its rule, and in the audit trail by its name alone', async () => {
    expect((await fields('--json')).json).toMatchObject([
      { type: 'field-rule', org: ORG, entity: 'email', attribute: 'address', action: 'hash', when: null },
      { entity: 'group', attribute: 'description', action: 'drop' },
      { entity: 'person', attribute: 'birthdate', action: 'mask', when: 'child' },
      { entity: 'person', attribute: 'medical_notes', action: 'drop' },
    ])
    await fields('--entity', 'person', '--hash', 'remote_id')
    await fields('--entity', 'person', '--drop', 'remote_id')
    await fields('--entity', 'person', '--drop', 'remote_id')
    await fields('--entity', 'person', '--keep', 'remote_id')
    const trail = await auditTrail(installation.pool, { orgId: ORG, limit: 1_000 })
    const changes = trail.filter(({ action, subject }) => action.startsWith('field-rule.') && subject === 'person.remote_id')
    expect(changes.map(({ action, facts }) => [action, JSON.parse(facts)])).toEqual([
      ['field-rule.added', { action: 'hash' }],
      ['field-rule.changed', { action: 'drop' }],
      ['field-rule.removed', { action: 'drop' }],
    ])
  })

  describe('that comes another way', () => {
    let workers: WorkerProcess
    let receiver: WorkerProcess

    beforeAll(async () => {
      workers = installation.workerWith({ SYNCLINE_MAX_RESPONSE_BYTES: String(CAP) }, 'all')
      receiver = installation.workerWith({ SYNCLINE_WEBHOOKS_PORT: '0' }, 'webhooks')
      const base = await receiverUrl(receiver)
      const ensured = await installation.cli(['webhooks', 'ensure', '--org', ORG, '--url', base])
      expect(ensured.code, ensured.stderr).toBe(0)
    })
    afterAll(async () => {
      await receiver?.stop()
      await workers?.stop()
    })

    test('by a delivery, or as the answer to a question for one record, is not held either', async () => {
      const [, id = ''] = people()
      update('person', id, { medical_notes: `${NOTES} and spies`, nickname: 'told-welcome' })
      await until('it was told', async () => (await rowOf('person', id))?.nickname === 'told-welcome')
      // Groups have no updated_at: what is told of one is asked for by its id.
      const [group] = simulator.model.rows('group')
      update('group', group?.id ?? '', { description: `${NOTES} of all`, name: 'asked-welcome' })
      await until('it was asked for', async () => (await rowOf('"group"', group?.id))?.name === 'asked-welcome')
      expect(await placesOf('told-welcome')).toContain('raw.pco.live')
      expect(await placesOf('asked-welcome')).toContain('raw.pco.live')
      expect((await rowOf('person', id))?.birthdate.toISOString()).toContain('1971-03-0')
      await nothingHeld()
    })

    test('by a delivery that nobody understands dies without it', async () => {
      const event = 'people.v2.events.person.updated'
      simulator.webhooks.publish({ event, payload: `{"data":{"type":"Person","attributes":{"medical_notes":"${NOTES}"` })
      const attributes = { medical_notes: NOTES, nickname: 'dead-welcome' }
      simulator.webhooks.publish({ event, payload: JSON.stringify({ data: { type: 'Person', attributes } }) })
      const dead = async () =>
        (await installation.cli(['dlq', 'list', '--json'])).json.filter(({ type }) => type === 'dead-letter')
      await until('both are dead letters', async () => (await dead()).length === 2)
      expect(await placesOf('dead-welcome')).toContain('sync.dead-letters')
      await nothingHeld()
    })

    test('in a record that dies, that is too large, or that is included without a type is not held either', async () => {
      const ids = people()
      const notes = { medical_notes: `${NOTES} too`, nickname: 'late-welcome' }
      const large = { ...notes, people_permissions: 'x'.repeat(3 * CAP) }
      const [email] = emails(ids[adult])
      simulator.mutate(
        { op: 'corrupt', entity: 'person', id: ids[broken] ?? '', attributes: { ...notes, grade: 'half' } },
        { op: 'corrupt', entity: 'person', id: ids[huge] ?? '', attributes: large },
        { op: 'corrupt', entity: 'email', id: email?.id ?? '', omit: ['type'] },
      )
      const { code, stderr } = await installation.cli(['sync', '--org', ORG, '--wait', '--json'])
      for (const n of [broken, huge]) simulator.mutate({ op: 'repair', entity: 'person', id: ids[n] ?? '' })
      simulator.mutate({ op: 'repair', entity: 'email', id: email?.id ?? '' })
      expect(code, stderr).toBe(3)
      const { json } = await installation.cli(['dlq', 'list', '--json'])
      expect(json.map(({ code }) => code)).toEqual(expect.arrayContaining(['invalid-record', 'too-large', 'unreadable']))
      const tooLarge = json.find(({ type, code }) => type === 'dead-letter' && code === 'too-large')
      expect((await installation.cli(['dlq', 'show', String(tooLarge?.['id']), '--json'])).json[0]).toMatchObject({
        keptBytes: 0,
      })
      expect(await placesOf('late-welcome')).toEqual(expect.arrayContaining(['raw.pco', 'sync.dead-letters']))
      expect(await placesOf('welcome-home')).toContain('sync.dead-letters')
      await nothingHeld()
    })

    test('in a record that no list shows, and that is asked after by its id, is not held either', async () => {
      simulator.mutate({ op: 'hide', entity: 'person', id: hidden() })
      const { code, stderr, json } = await installation.cli(['sync', '--org', ORG, '--strategy', 'reconcile', '--wait', '--json'])
      expect(code, stderr).toBe(0)
      expect(await pathsOf(json.at(-1)?.['runId'])).toContain(`/people/v2/people/${hidden()}`)
      await nothingHeld()
    })
  })

  test('has the same hash after the keys were rotated, and another in another organisation', async () => {
    const hashes = async (org: string) => {
      const { rows } = await installation.pool.query('select distinct address from canonical.email where org_id = $1', [org])
      return rows.map(({ address }) => address)
    }
    const before = await hashes(ORG)
    const rotated = await installation.cli(['keys', 'rotate', '--all', '--json'])
    expect(rotated.code, rotated.stderr).toBe(0)
    await installation.pool.query(
      `update canonical.email set address = 'gone', content_hash = gen_random_uuid() where org_id = $1`,
      [ORG],
    )
    await sync('--select', 'email')
    expect(await hashes(ORG)).toEqual(before)
    expect((await add('other')).code).toBe(0)
    const state = await installation.cli(['state', 'export', '--org', ORG])
    const ruled = state.stdout.replaceAll(`"org":"${ORG}"`, '"org":"other"').replaceAll(/.*"type":"watermark".*\n/g, '')
    const imported = await installation.cli(['state', 'import', '-', '--json'], ruled)
    expect(imported.code, imported.stderr).toBe(0)
    expect(imported.json).toMatchObject(Array.from({ length: 4 }, () => ({ part: 'field-rule', org: 'other', outcome: 'added' })))
    // Its household names a person whom no list shows: the parent that is missing is asked for by its id.
    const synced = await installation.cli(['sync', '--org', 'other', '--with-workers', '--json'])
    expect(synced.code, synced.stderr).toBe(0)
    expect(await pathsOf(synced.json.at(-1)?.['runId'])).toContain(`/people/v2/people/${hidden()}`)
    expect(await rowOf('person', hidden(), 'other')).toMatchObject({ nickname: 'hidden-welcome', medical_notes: null })
    const others = await hashes('other')
    expect(others).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    expect(others).not.toEqual(before)
    await nothingHeld()
  })

  test('is held again when its rule is gone, leaves the rows when there is one again, and no old letter brings it back', async () => {
    const [id = '', , , dead = ''] = people()
    await fields('--entity', 'person', '--keep', 'medical_notes')
    simulator.mutate({ op: 'corrupt', entity: 'person', id: dead, attributes: { grade: 'half' } })
    const kept = await sync('--select', 'person')
    expect(kept.code, kept.stderr).toBe(3)
    expect((await rowOf('person', id))?.medical_notes).toBe(NOTES)
    expect(await placesOf(NOTES)).toContain('raw.pco')
    await fields('--entity', 'person', '--drop', 'medical_notes')
    await sync('--select', 'person')
    expect((await rowOf('person', id))?.medical_notes).toBeNull()
    const { json } = await installation.cli(['dlq', 'list', '--entity', 'person', '--code', 'invalid-record', '--json'])
    const [letter] = json.filter(({ type }) => type === 'dead-letter')
    const replayed = await installation.cli(['dlq', 'replay', String(letter?.['id'])])
    expect(replayed).toMatchObject({ code: 1, stderr: expect.stringMatching(/before a field rule .* syncline sync --org acme/) })
  })

  test('is ruled from the first page on after the organisation was removed and added again, and forgotten with it', async () => {
    const rules = async (table: string) => {
      const { rows } = await installation.pool.query(`select count(*)::int as n from sync.${table} where org_id = 'other'`)
      return rows[0]?.n
    }
    expect([await rules('field_rules'), await rules('field_keys')]).toEqual([4, 1])
    expect((await installation.cli(['org', 'remove', 'other', '--yes'])).code).toBe(0)
    expect([await rules('field_rules'), await rules('field_keys')]).toEqual([4, 0])
    expect((await add('other')).code).toBe(0)
    const worker = installation.worker('all')
    const synced = await installation.cli(['sync', '--org', 'other', '--wait', '--select', 'email'])
    expect(synced.code, synced.stderr).toBe(0)
    expect(await rules('field_keys')).toBe(1)
    const forgotten = await installation.cli(['org', 'forget', 'other', '--yes'])
    expect(forgotten.code, forgotten.stderr).toBe(0)
    expect([await rules('field_rules'), await rules('field_keys')]).toEqual([0, 0])
    const trail = await auditTrail(installation.pool, { orgId: 'other', limit: 1_000 })
    expect(trail.filter(({ action }) => action === 'field-rule.removed')).toEqual([])
    await worker.stop()
  })
})
