// A record that is larger than any answer may be: its letter says what it is and that no replay brings it; with a higher cap the record
// comes, whole.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation, until } from './installation.ts'

const ORG = 'acme'
const CAP = 100_000

let installation: Installation
let simulator: Simulator
let large = ''

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 30 })
  large = [...simulator.model.rows('person')][11]?.id ?? ''
  simulator.mutate({ op: 'corrupt', entity: 'person', id: large, attributes: { nickname: 'x'.repeat(3 * CAP) } })
  const added = ['org', 'add', '--no-schedules', ORG, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin']
  await installation.cli(added, simulator.personalToken)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const people = async (): Promise<readonly string[]> => {
  const { rows } = await installation.pool.query<{ id: string }>('select external_id as id from canonical.person')
  return rows.map(({ id }) => id)
}

const syncPeople = (cap: number) => {
  const worker = installation.workerWith({ SYNCLINE_MAX_RESPONSE_BYTES: String(cap) }, 'all')
  return installation.cli(['sync', '--org', ORG, '--select', 'person', '--wait', '--json']).finally(worker.stop)
}

test('it dies alone; the letter tells its beginning, length and hash, and what to do; a higher cap brings it and drops the letter', async () => {
  const first = await syncPeople(CAP)
  expect(first.code, first.stderr).toBe(3)
  expect(first.json.at(-1)).toMatchObject({ state: 'complete_with_exceptions' })
  expect(await people()).toHaveLength(29)
  expect(await people()).not.toContain(large)

  const listed = await installation.cli(['dlq', 'list'])
  expect(listed.stdout).toContain('too-large')
  expect(listed.stderr).toContain('SYNCLINE_MAX_RESPONSE_BYTES')
  const [letter] = (await installation.cli(['dlq', 'list', '--json'])).json.filter(({ type }) => type === 'dead-letter')
  expect(letter).toMatchObject({ entity: 'person', stage: 'fetch', code: 'too-large', replayable: false, state: 'open' })
  const id = String(letter?.['id'])

  const shown = (await installation.cli(['dlq', 'show', id, '--json'])).json[0]
  expect(shown).toMatchObject({ replayable: false, onKafka: true, cut: true, keptBytes: 65_536 })
  expect(String(shown?.['request'])).toContain('/people/v2/people?')
  expect(Number(shown?.['readBytes'])).toBeGreaterThan(CAP)
  expect(Number(shown?.['fullBytes'] ?? Infinity)).toBeGreaterThan(3 * CAP)
  const raw = await installation.cli(['dlq', 'show', id, '--raw'])
  expect(Buffer.byteLength(raw.stdout)).toBe(65_536)
  expect(raw.stdout).toContain(`"${large}"`)
  expect(shown?.['sha256']).not.toBe(createHash('sha256').update(raw.stdout).digest('hex'))

  const replayed = await installation.cli(['dlq', 'replay', id])
  expect(replayed.code).toBe(1)
  expect(replayed.stderr).toContain(`syncline sync --org ${ORG} --select person`)
  expect((await installation.cli(['dlq', 'list', '--json'])).json).toContainEqual(letter)

  // One that is still too large answers nothing: who is to know which it is.
  expect((await syncPeople(CAP)).code).toBe(3)
  const letters = async () => {
    const { json } = await installation.cli(['dlq', 'list', '--state', 'all', '--json'])
    return json.filter(({ type }) => type === 'dead-letter')
  }
  const states = async () => (await letters()).map(({ state, actedBy }) => [state, actedBy])
  expect(await states()).toEqual([
    ['open', undefined],
    ['open', undefined],
  ])

  const again = await syncPeople(10 * CAP)
  expect(again.code, again.stderr).toBe(0)
  expect(await people()).toHaveLength(30)
  expect(await people()).toContain(large)
  await until('its letters are settled', async () => (await states()).every(([state]) => state === 'dropped'), 5_000)
  expect(await states()).toEqual([
    ['dropped', 'syncline'],
    ['dropped', 'syncline'],
  ])
  expect((await letters())[0]?.['dropReason']).toBe(
    `all records of person were received whole in run ${again.json.at(-1)?.['runId']}`,
  )
})
