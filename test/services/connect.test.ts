// Connecting an organisation by OAuth on the command line, with a vendor that asks for PKCE; and what comes back wrong.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { followConsent } from '../harness/consent.ts'
import { type Installation, newInstallation, type RunningCommand, until } from './installation.ts'

let installation: Installation
let simulator: Simulator
let begun: RunningCommand[] = []

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 60, latencyMs: 5, rate: { limit: 100, periodSeconds: 2 } })
})

afterEach(async () => {
  for (const command of begun) command.signal('SIGINT')
  await Promise.all(begun.map(({ ended }) => ended))
  begun = []
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const secretOf = (secret = simulator.app.clientSecret) => ({ SYNCLINE_OAUTH_CLIENT_SECRET: secret })

/** The command, waiting for its callback, and the address that it has printed. */
const connect = async (org: string, args: readonly string[] = [], env = secretOf()) => {
  const all = [
    'org',
    'connect',
    org,
    '--base-url',
    simulator.url,
    '--client-id',
    simulator.app.clientId,
    '--listen',
    '127.0.0.1:0',
    '--json',
    ...args,
  ]
  const command = installation.begin(all, '', env)
  begun.push(command)
  await until('it waits for the callback', () => command.stdout().includes('\n'))
  const line: { url: string } = JSON.parse(command.stdout().split('\n')[0] ?? '')
  return { command, url: line.url }
}

/** As a browser that is sent back. */
const open = async (url: URL): Promise<number> => (await fetch(url)).status

const consentAndReturn = async (url: string): Promise<number> => open(await followConsent(url))

const metric = async (reason: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ times: number }>(
    'select times from sync.refused_authorisations where reason = $1',
    [reason],
  )
  return rows[0]?.times ?? 0
}

const isKnown = async (org: string): Promise<boolean> =>
  (await installation.pool.query('select from sync.organisations where org_id = $1', [org])).rowCount === 1

test('an organisation that consents is connected and synced, and its window is that of the person', async () => {
  const { command, url } = await connect('acme')
  expect(new URL(url).searchParams.get('code_challenge_method')).toBe('S256')
  expect(await consentAndReturn(url)).toBe(200)
  const ended = await command.ended
  expect(ended.code, ended.stderr).toBe(0)
  expect(ended.json.at(-1)).toMatchObject({ type: 'org', org: 'acme', source: 'pco', kind: 'oauth', outcome: 'added' })
  const synced = await installation.cli(['sync', '--org', 'acme', '--with-workers', '--json'])
  expect(synced.code, synced.stderr).toBe(0)
  expect(simulator.stats()).toMatchObject({ violations: 0 })
  expect(Object.keys(simulator.stats().byCredential)).toEqual(['user:1'])
  const all = `${ended.stdout}${ended.stderr}${synced.stdout}${synced.stderr}`
  expect(all).not.toContain(simulator.app.clientSecret)
  const before = (await installation.pool.query("select limit_key from sync.connections where org_id = 'acme'")).rows
  // Again, through the app that is known.
  const again = installation.begin(['org', 'connect', 'acme', '--listen', '127.0.0.1:0', '--json'])
  begun.push(again)
  await until('it waits for the callback', () => again.stdout().includes('\n'))
  expect(await consentAndReturn(JSON.parse(again.stdout().split('\n')[0] ?? '').url)).toBe(200)
  expect((await again.ended).json.at(-1)).toMatchObject({ outcome: 'updated' })
  expect((await installation.pool.query("select limit_key from sync.connections where org_id = 'acme'")).rows).toEqual(before)
})

test('a callback with a foreign state is refused, counted, changes nothing, and the right one still comes', async () => {
  const { command, url } = await connect('foreign')
  const back = await followConsent(url)
  const forged = new URL(back)
  forged.searchParams.set('state', 'x'.repeat(43))
  const [count, exchanges] = [await metric('foreign'), simulator.oauth.stats().exchanges]
  expect(await open(forged)).toBe(400)
  expect(await metric('foreign')).toBe(count + 1)
  expect(await isKnown('foreign')).toBe(false)
  expect(simulator.oauth.stats().exchanges).toBe(exchanges)
  expect(await open(back)).toBe(200)
  const ended = await command.ended
  expect(ended.code).toBe(0)
  expect(ended.stderr).toContain('state was not made by this command')
})

test('a state is good once, for one organisation', async () => {
  const [one, another] = [await connect('one'), await connect('another')]
  const back = await followConsent(one.url)
  // The other's listener is sent what was meant for this one.
  const crossed = new URL(back)
  crossed.port = new URL(new URL(another.url).searchParams.get('redirect_uri') ?? '').port
  expect(await open(crossed)).toBe(400)
  await installation.pool.query("update sync.authorisations set used_at = now() where org_id = 'one'")
  expect(await open(back)).toBe(400)
  expect(await metric('reused')).toBe(1)
  expect(await isKnown('one')).toBe(false)
  expect(await isKnown('another')).toBe(false)
})

test('a callback after ten minutes is refused and ends the command with exit 4', async () => {
  const { command, url } = await connect('late')
  const back = await followConsent(url)
  await installation.pool.query("update sync.authorisations set expires_at = now() - interval '1 second' where org_id = 'late'")
  expect(await open(back)).toBe(400)
  const ended = await command.ended
  expect([ended.code, await isKnown('late')]).toEqual([4, false])
  expect(ended.stderr).toContain('ten minutes')
})

test('consent that is refused ends the command with exit 4 and the next step', async () => {
  const { command, url } = await connect('denied')
  simulator.oauth.deny()
  expect(await consentAndReturn(url)).toBe(400)
  const ended = await command.ended
  expect([ended.code, await isKnown('denied')]).toEqual([4, false])
  expect(ended.stderr).toMatch(/without consent[\s\S]*syncline org connect denied/)
})

test('a wrong client secret ends the command with exit 4, names what is wrong, and repeats it nowhere', async () => {
  const { command, url } = await connect('wrong', [], secretOf('not-the-secret'))
  expect(await consentAndReturn(url)).toBe(400)
  const ended = await command.ended
  expect([ended.code, await isKnown('wrong')]).toEqual([4, false])
  expect(ended.stderr).toMatch(/client id with this client secret/)
  expect(`${ended.stdout}${ended.stderr}`).not.toContain('not-the-secret')
  expect(await metric('code')).toBe(1)
})

test('an organisation has several accounts, and one of them is removed without the other', async () => {
  const args = [
    'org',
    'add',
    'acme',
    '--source',
    'annex',
    '--base-url',
    simulator.url,
    '--rate',
    'none',
    '--no-schedules',
    '--pat-stdin',
  ]
  expect((await installation.cli(args, simulator.personalToken)).code).toBe(0)
  const unclear = await installation.cli(['sync', '--org', 'acme'])
  expect([unclear.code, unclear.stderr]).toEqual([2, expect.stringContaining('--source: annex, pco')])
  expect((await installation.cli(['sync', '--org', 'acme', '--source', 'annex'])).code).toBe(0)
  const status = await installation.cli(['status', '--org', 'acme', '--source', 'annex', '--json'])
  expect(status.json.at(-1)).toMatchObject({ source: 'annex', state: 'planned' })
  expect((await installation.cli(['org', 'remove', 'acme', '--source', 'annex', '--yes'])).code).toBe(5)
  expect((await installation.cli(['cancel', '--org', 'acme', '--source', 'annex'])).code).toBe(0)
  expect((await installation.cli(['org', 'remove', 'acme', '--source', 'annex', '--yes'])).code).toBe(0)
  const listed = await installation.cli(['org', 'list', '--json'])
  expect(listed.json.filter(({ org }) => org === 'acme')).toMatchObject([{ source: 'pco', kind: 'oauth', reauthorise: null }])
})

test.each([
  ['no client id', ['org', 'connect', 'x'], /client id/],
  ['no client secret', ['org', 'connect', 'x', '--client-id', 'id'], /client secret/],
  [
    'a place to listen that is none',
    ['org', 'connect', 'x', '--client-id', 'id', '--client-secret', 's', '--listen', 'here'],
    /host:port/,
  ],
])('%s is a usage error', async (_, args, words) => {
  const { code, stderr } = await installation.cli(args)
  expect(code, stderr).toBe(2)
  expect(stderr).toMatch(words)
})

test('a connection that was revoked pauses its run with exit 4; connected again, the run goes on by itself and completes', async () => {
  const slow = await startSimulator({ people: 1_500, latencyMs: 40, oauth: { accessTokenSeconds: 3_600 } })
  try {
    const args = ['--base-url', slow.url, '--client-id', slow.app.clientId]
    const first = await connect('revoked', args, secretOf(slow.app.clientSecret))
    expect(await consentAndReturn(first.url)).toBe(200)
    expect((await first.command.ended).code).toBe(0)
    const running = installation.begin(['sync', '--org', 'revoked', '--with-workers', '--json'])
    await until('pages arrive', async () => {
      const { rowCount } = await installation.pool.query(
        "select from sync.pages join sync.runs using (run_id) where org_id = 'revoked' limit 1",
      )
      return rowCount === 1
    })
    slow.oauth.revoke()
    const paused = await running.ended
    expect(paused.code, paused.stderr).toBe(4)
    expect(paused.json.at(-1)).toMatchObject({ type: 'run', state: 'paused', errorCode: 'auth' })
    expect(paused.stderr).toContain('syncline org connect revoked')
    const status = await installation.cli(['status', '--org', 'revoked', '--json'])
    expect(status.json.at(-1)).toMatchObject({ state: 'paused', waitingFor: { for: 'authorisation' } })
    const listed = await installation.cli(['org', 'list', '--json'])
    expect(listed.json.find(({ org }) => org === 'revoked')?.['reauthorise']).toBeTruthy()
    const refused = await installation.cli(['sync', '--org', 'revoked'])
    expect(refused.code, refused.stderr).toBe(4)

    const worker = installation.worker('all')
    const second = await connect('revoked', args, secretOf(slow.app.clientSecret))
    expect(await consentAndReturn(second.url)).toBe(200)
    const connected = await second.command.ended
    expect(connected.json.at(-1)).toMatchObject({ resumed: [paused.json.at(-1)?.['runId']] })
    await until('the run completes', async () => {
      const { rows } = await installation.pool.query("select state from sync.runs where org_id = 'revoked'")
      return rows[0]?.['state'] === 'complete'
    })
    await worker.stop()
    expect(slow.oauth.stats().usedAgain).toBe(0)
  } finally {
    await slow.close()
  }
})

test('a new personal access token changes neither address nor limit, unless that is said', async () => {
  const add = (...more: readonly string[]) =>
    installation.cli(['org', 'add', 'kept', '--pat-stdin', '--no-schedules', '--json', ...more], simulator.personalToken)
  const first = await add('--base-url', simulator.url, '--rate', '200/20')
  const stored = async () =>
    (await installation.pool.query("select base_url, rate_limit from sync.connections where org_id = 'kept'")).rows
  expect((await add()).json).toEqual([{ ...first.json[0], outcome: 'updated', schedules: [] }])
  expect(await stored()).toEqual([{ base_url: simulator.url, rate_limit: '200/20' }])
  await add('--rate', 'none')
  expect(await stored()).toEqual([{ base_url: simulator.url, rate_limit: 'none' }])
})
