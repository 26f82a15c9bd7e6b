// A source whose credential is exchanged for one of another account at the vendor: that is refused before it is stored; and where it could not
// be asked then, its rows are not taken for gone, and nothing of the other account is mixed with them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAsks } from '../../ledger/asks.ts'
import { createRun } from '../../ledger/runs.ts'
import { findEndpoint } from '../../ledger/webhooks.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { followConsent } from '../harness/consent.ts'
import { startFront } from '../harness/front.ts'
import { type Installation, newInstallation, until } from './installation.ts'

let installation: Installation
let own: Simulator
let foreign: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  own = await startSimulator({ people: 60 })
  foreign = await startSimulator({ people: 60, seed: 2, organizationId: '2' })
  expect((await connectTo(own)).code).toBe(0)
  const synced = await installation.cli(['sync', '--org', 'acme', '--with-workers'])
  expect(synced.code, synced.stderr).toBe(0)
})

afterAll(async () => {
  await installation?.remove()
  await own?.close()
  await foreign?.close()
})

const ME = 'GET /people/v2/me'
const HOOKS = 'https://hooks.example.org'

const connectTo = ({ url, personalToken }: Pick<Simulator, 'url' | 'personalToken'>, org = 'acme', ...more: readonly string[]) =>
  installation.cli(
    ['org', 'add', org, '--base-url', url, '--rate', 'none', '--no-schedules', '--pat-stdin', ...more],
    personalToken,
  )

/** As if its API had not answered when it was added. */
const connectUnasked = async ({ url }: Simulator): Promise<void> => {
  await installation.pool.query("update sync.connections set base_url = $1 where org_id = 'acme'", [url])
  await installation.pool.query("delete from sync.credential_accounts where org_id = 'acme'")
}

/** Every row of every table, as it is. */
const rows = async (): Promise<Readonly<Record<string, unknown>>> => {
  const tables = canonicalEntities.map(async ({ table }) => {
    const found = await installation.pool.query(
      `select to_jsonb(t) as row from canonical."${table}" t where org_id = 'acme' order by id`,
    )
    return [table, found.rows]
  })
  return Object.fromEntries(await Promise.all(tables))
}

const isAnothers = ({ code, stderr }: { readonly code: number | null; readonly stderr: string }): void => {
  expect(code, stderr).toBe(4)
  expect(stderr).toContain('is for account 2, and its rows are those of account 1')
  expect(stderr).toContain('--source NAME')
  expect(stderr).toContain('syncline org forget acme --yes')
}

/** Requests but for the question whose the credential is. */
const readOf = (simulator: Simulator): number => simulator.stats().calls - (simulator.stats().byPath[ME] ?? 0)

const runEnds = async (runId: string, state: string) => {
  await until(`the run is ${state}`, async () => {
    const { rows: runs } = await installation.pool.query('select state from sync.runs where run_id = $1', [runId])
    return runs[0]?.['state'] === state
  })
}

test('whose a credential is, is asked once', async () => {
  expect(own.stats().byPath[ME]).toBe(1)
  expect((await installation.cli(['check', '--org', 'acme'])).stdout).toMatch(/account +1\b/)
  const again = await installation.cli(['sync', '--org', 'acme', '--select', 'campus', '--with-workers'])
  expect(again.code, again.stderr).toBe(0)
  expect(own.stats().byPath[ME]).toBe(1)
})

test('a token of another account is refused before it is stored, also when the connection was removed', async () => {
  const stored = async () => (await installation.pool.query('select base_url from sync.connections')).rows
  const before = await stored()
  isAnothers(await connectTo(foreign))
  expect(await stored()).toEqual(before)
  expect((await installation.cli(['org', 'remove', 'acme', '--yes'])).code).toBe(0)
  isAnothers(await connectTo(foreign))
  expect(await stored()).toEqual([])
  expect((await connectTo(own)).code).toBe(0)
})

test('where it could not be asked then, every command says so, and none makes anything', async () => {
  const front = await startFront(foreign.url)
  front.refuse(/^\/people\/v2\/me/)
  const added = await connectTo({ ...foreign, url: front.url })
  expect(added.code, added.stderr).toBe(0)
  front.refuse(null)
  const looked = await installation.cli(['check', '--org', 'acme', '--json'])
  expect(looked.code, looked.stdout).toBe(4)
  expect(looked.json.filter(({ ok }) => ok === false)).toMatchObject([{ subject: 'account', code: 'auth' }])
  isAnothers(await installation.cli(['webhooks', 'ensure', '--org', 'acme', '--url', HOOKS]))
  expect(foreign.webhooks.subscriptions.size).toBe(0)
  expect(await findEndpoint(installation.pool, { orgId: 'acme', source: 'pco' })).toBeUndefined()
  isAnothers(await installation.cli(['verify', '--org', 'acme', '--against-api']))
  const runs = async () => (await installation.pool.query('select from sync.runs')).rowCount
  const before = await runs()
  isAnothers(await installation.cli(['sync', '--org', 'acme', '--strategy', 'reconcile']))
  expect(await runs()).toBe(before)
  await front.close()
})

test('a run and questions by id take nothing in of any entity, and take nothing for gone', async () => {
  await connectUnasked(foreign)
  const [before, readBefore] = [await rows(), readOf(foreign)]
  const { pool } = installation
  // Deliveries of memberships become such questions, each with the group that its path needs.
  const asked = await pool.query<{
    entity: 'person' | 'email' | 'group-membership'
    id: string
    parents: Record<string, string>
  }>(
    `(select 'person' as entity, external_id as id, '{}'::jsonb as parents from canonical.person where org_id = 'acme' limit 1)
     union all (select 'email', external_id, '{}' from canonical.email where org_id = 'acme' limit 1)
     union all (select 'group-membership', m.external_id, jsonb_build_object('group_id', g.external_id)
       from canonical.group_membership m join canonical."group" g on g.id = m.group_id where m.org_id = 'acme' limit 1)`,
  )
  for (const { entity, id } of asked.rows)
    if ([...foreign.model.rows(entity)].some((row) => row.id === id)) foreign.mutate({ op: 'delete', entity, id })
  const asks = asked.rows.map(({ id: externalId, ...ask }) => {
    return { orgId: 'acme', source: 'pco', externalId, ...ask, why: 'hint' } as const
  })
  const runId = await createRun(pool, { orgId: 'acme', source: 'pco', adapter: 'pco', strategy: 'reconcile', selection: [] })
  await recordAsks(pool, asks)
  const worker = installation.worker('all')
  await runEnds(runId, 'failed')
  const putOff = async () => (await pool.query('select reason from sync.asks where failures > 0')).rows
  await until('all are put off', async () => (await putOff()).length === 3)
  expect(JSON.stringify(await putOff())).toContain('account 2')
  expect(readOf(foreign)).toBe(readBefore)
  expect(await rows()).toEqual(before)
  expect((await connectTo(own)).code).toBe(0)
  await pool.query('update sync.asks set wake_at = now()')
  await until('all are asked of the right one', async () => (await pool.query('select from sync.asks')).rowCount === 0)
  const done = await installation.cli(['sync', '--org', 'acme', '--strategy', 'reconcile', '--wait'])
  expect(done.code, done.stderr).toBe(0)
  await worker.stop()
  const living = "select count(*)::int as n from canonical.person where org_id = 'acme' and deleted_at is null"
  expect((await pool.query(living)).rows).toEqual([{ n: own.model.count('person') }])
})

test('a worker takes up a changed connection at once', async () => {
  const twin = await startSimulator({ people: 60 })
  const worker = installation.worker('all')
  const sync = () => installation.cli(['sync', '--org', 'acme', '--select', 'campus', '--wait'])
  expect((await sync()).code).toBe(0)
  expect((await connectTo(twin)).code).toBe(0)
  const { calls } = own.stats()
  expect((await sync()).code).toBe(0)
  expect(own.stats().calls).toBe(calls)
  await worker.stop()
  expect((await connectTo(own)).code).toBe(0)
  await twin.close()
})

test('consent that was given for another account is refused, and what is stored goes on', async () => {
  const consent = async ({ url, app }: Simulator, status: number) => {
    const args = ['--client-id', app.clientId, '--base-url', url, '--rate', 'none', '--listen', '127.0.0.1:0', '--json']
    const command = installation.begin(['org', 'connect', 'acme', ...args], '', {
      SYNCLINE_OAUTH_CLIENT_SECRET: app.clientSecret,
    })
    await until('it waits for the callback', () => command.stdout().includes('\n'))
    expect((await fetch(await followConsent(JSON.parse(command.stdout().split('\n')[0] ?? '').url))).status).toBe(status)
    return command.ended
  }
  isAnothers(await consent(foreign, 400))
  const given = await consent(own, 200)
  expect(given.code, given.stderr).toBe(0)
  isAnothers(await consent(foreign, 400))
  const synced = await installation.cli(['sync', '--org', 'acme', '--select', 'campus', '--with-workers'])
  expect(synced.code, synced.stderr).toBe(0)
})

test('an account of which nothing has come in is no one’s: the right credential takes its place', async () => {
  expect((await connectTo(foreign, 'fresh')).code).toBe(0)
  const ensured = await installation.cli(['webhooks', 'ensure', '--org', 'fresh', '--url', HOOKS])
  expect(ensured.code, ensured.stderr).toBe(0)
  expect(await findEndpoint(installation.pool, { orgId: 'fresh', source: 'pco' })).toMatchObject({ account: '2', hasRows: false })
  expect((await connectTo(own, 'fresh')).code).toBe(0)
  const synced = await installation.cli(['sync', '--org', 'fresh', '--select', 'campus', '--with-workers'])
  expect(synced.code, synced.stderr).toBe(0)
  expect(await findEndpoint(installation.pool, { orgId: 'fresh', source: 'pco' })).toMatchObject({ account: '1', hasRows: true })
})

test('an organisation that was forgotten may be of any account', async () => {
  const worker = installation.worker('process', 'sink')
  await until('it is forgotten', async () => (await installation.cli(['org', 'forget', 'acme', '--yes'])).code === 0)
  await worker.stop()
  expect((await connectTo(foreign)).code).toBe(0)
  const synced = await installation.cli(['sync', '--org', 'acme', '--with-workers', '--select', 'campus'])
  expect(synced.code, synced.stderr).toBe(0)
})
