// The examples, run as their first comments say, against a simulated API.
import { execFile } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator({ people: 250, seed: 3 })
})
afterAll(() => simulator?.close())

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const run = (name: string, args: readonly string[] = [], credential = simulator.personalToken): Promise<Ran> => {
  const [PCO_APP_ID = '', PCO_SECRET = ''] = credential.split(':')
  const env = { ...process.env, PCO_APP_ID, PCO_SECRET, PCO_BASE_URL: simulator.url }
  return new Promise((resolve) => {
    execFile(process.execPath, [`examples/${name}.mjs`, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    )
  })
}
const people = () => [...simulator.model.rows('person')]

test('people are listed with their e-mail addresses', async () => {
  const { code, stdout, stderr } = await run('list-people')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.trim().split('\n')
  expect(lines).toHaveLength(people().filter(({ attributes }) => attributes['status'] === 'active').length)
  const listed = [...simulator.model.rows('email')].filter(({ attributes }) => stdout.includes(String(attributes['address'])))
  expect(listed.length).toBeGreaterThan(100)
})

test('a person is created and changed, and what the API finds wrong is said', async () => {
  const { code, stdout } = await run('write-person', ['Ada', 'Lovelace', 'ada@example.org'])
  expect(code).toBe(0)
  const created = people().find(({ attributes }) => attributes['last_name'] === 'Lovelace')
  expect(created?.attributes).toMatchObject({ first_name: 'Ada', nickname: 'Ada' })
  expect(stdout).toContain(`person ${created?.id}: `)
  const refused = await run('write-person', ['Ada'])
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("last_name can't be blank") })
})

test('people are exported as CSV, a record a line', async () => {
  const { code, stdout } = await run('export-csv')
  expect(code).toBe(0)
  const lines = stdout.trim().split('\r\n')
  expect(lines[0]).toBe('id,first_name,last_name,birthdate,city,zip')
  expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(people().map(({ id }) => id))
})

test('without a credential they say what to set', async () => {
  expect(await run('list-people', [], '')).toMatchObject({ code: 2, stderr: expect.stringContaining('PCO_APP_ID') })
})
