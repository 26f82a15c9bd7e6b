// `syncline check` against real services and a simulated API: what is in order, and what to do about what is not. It changes nothing.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation } from './installation.ts'

let installation: Installation
let simulator: Simulator

const check = async (...args: readonly string[]) => {
  const { code, json, stderr } = await installation.cli(['check', '--json', ...args])
  const line = (of: string, subject: string) => json.find((finding) => finding['of'] === of && finding['subject'] === subject)
  return { code, stderr, line, wrong: json.filter(({ ok }) => ok === false) }
}

const addOrg = (org: string, credential: string, url = simulator.url) =>
  installation.cli(['org', 'add', org, '--base-url', url, '--no-schedules', '--pat-stdin'], credential)

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 50, rate: { limit: 100, periodSeconds: 20 } })
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

test('a new installation is in order, and nothing is made by looking at it', async () => {
  for (let times = 0; times < 2; times++) {
    const { code, wrong, line } = await check()
    expect({ code, wrong }).toEqual({ code: 0, wrong: [] })
    for (const subject of ['tables of the ledger', 'canonical tables', 'Kafka']) {
      expect(line('services', subject)).toMatchObject({ says: expect.stringContaining('not made yet') })
    }
  }
})

test('of a connected account it tells address, credential, clock, limit, and every entity', async () => {
  await addOrg('acme', simulator.personalToken)
  expect((await installation.cli(['sync', '--org', 'acme', '--with-workers'])).code).toBe(0)
  const { code, wrong, line } = await check('--org', 'acme')
  expect({ code, wrong }).toEqual({ code: 0, wrong: [] })
  expect(line('services', 'Kafka')).toMatchObject({ says: expect.stringContaining('topics') })
  expect(line('acme/pco', 'limit')).toMatchObject({ says: expect.stringContaining('100 requests in 20') })
  expect(line('acme/pco', 'clock')).toMatchObject({ ok: true, says: expect.stringMatching(/ours/) })
  expect(line('acme/pco', 'person')).toMatchObject({ says: 'can be read, 50 records' })
  expect(line('acme/pco', 'event')).toMatchObject({ ok: true })
})

test('a refused credential is exit 4, and is told once', async () => {
  await addOrg('locked', 'app:wrong')
  const { code, wrong } = await check('--org', 'locked')
  expect(code).toBe(4)
  expect(wrong).toEqual([expect.objectContaining({ of: 'locked/pco', subject: 'address and credential', code: 'auth' })])
})

test('an API that answers a web page, and an address where nobody is, are exit 1 with what to look at', async () => {
  simulator.tamper('web-page')
  const page = await check('--org', 'acme')
  expect(page.code).toBe(1)
  expect(page.wrong).toEqual([expect.objectContaining({ code: 'bad-response', remedy: expect.stringContaining('base URL') })])
  await addOrg('nowhere', 'app:secret', 'http://127.0.0.1:9')
  const nobody = await check('--org', 'nowhere')
  expect(nobody.wrong).toEqual([expect.objectContaining({ remedy: expect.stringContaining('base URL') })])
})

test('an unknown organisation is a usage error', async () => {
  const { code, stderr } = await check('--org', 'acne')
  expect(code).toBe(2)
  expect(stderr).toContain('acme')
})

test('a service that is away is named, and the others are told all the same', async () => {
  const { json, code } = await installation.cli(['check', '--json'], '', { SYNCLINE_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9' })
  expect(code).toBe(1)
  expect(json).toContainEqual(expect.objectContaining({ subject: 'schema registry', ok: false, code: 'unavailable' }))
  expect(json).toContainEqual(expect.objectContaining({ subject: 'Kafka', ok: true }))
})

test('tables of an older version are told with who brings them up to date', async () => {
  await installation.pool.query("delete from sync.ledger_migrations where name like '0010%'")
  const { code, line } = await check('--org', 'acme')
  expect(code).toBe(1)
  expect(line('services', 'tables of the ledger')).toMatchObject({
    code: 'incompatible',
    remedy: expect.stringContaining('worker'),
  })
})
