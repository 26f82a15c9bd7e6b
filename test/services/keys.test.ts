// The keys of secrets at rest: what was stored before there were keys of organisations still opens, and a rotation that is killed half-way
// leaves all of it readable.
import { createCipheriv, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readApp } from '../../ledger/authorised.ts'
import { toRotate } from '../../ledger/key-rotation.ts'
import { openConnection, saveConnection } from '../../ledger/organisations.ts'
import { type KeyRing, parseEncryptionKey } from '../../ledger/secrets.ts'
import { readAccessToken } from '../../ledger/tokens.ts'
import { acceptedSecrets, ensureEndpoint, saveSubscription } from '../../ledger/webhooks.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { authorise } from '../harness/consent.ts'
import { type Installation, newInstallation } from './installation.ts'

let installation: Installation
let simulator: Simulator
let before: KeyRing
const [oldKey, newKey] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]
const ORGS = ['org-1', 'org-2', 'org-3', 'org-4'] as const
const OAUTH = 'org-oauth'
const LEGACY = 'org-legacy'

/** As secrets were sealed at first: directly under the installation's key. */
const sealedDirectly = (orgId: string, plain: string): Buffer => {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(oldKey, 'base64'), iv)
  cipher.setAAD(Buffer.from(JSON.stringify([orgId, 'pco', 'credential'])))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.of(1), iv, cipher.getAuthTag(), sealed])
}

const addLegacy = async (orgId: string): Promise<void> => {
  await installation.pool.query('insert into sync.organisations (org_id) values ($1)', [orgId])
  await installation.pool.query(
    `insert into sync.connections (org_id, source, adapter, credential) values ($1, 'pco', 'pco', $2)`,
    [orgId, sealedDirectly(orgId, `app:${orgId}`)],
  )
}

const EVENT = 'people.v2.events.person.updated'
const hooked = { orgId: ORGS[0], source: 'pco' }

/** With a secret that was replaced: both are accepted. */
const subscribe = async (pool: Installation['pool']): Promise<void> => {
  await ensureEndpoint(pool, hooked, 'https://hooks.example.org')
  for (const secret of ['first', 'second']) {
    await saveSubscription(pool, before, {
      ...hooked,
      event: EVENT,
      subscriptionId: '1',
      secret,
      replacesSecret: secret === 'second',
    })
  }
}

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 1 })
  before = parseEncryptionKey(oldKey)
  expect((await installation.cli(['org', 'list'])).code).toBe(0)
  const { pool } = installation
  for (const orgId of ORGS) {
    const connection = { orgId, source: 'pco', adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null }
    await saveConnection(pool, before, { ...connection, credential: `app:${orgId}` })
  }
  await authorise(pool, before, simulator, OAUTH)
  await subscribe(pool)
  await addLegacy(LEGACY)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

/** Throws when one of the secrets does not open with these keys. */
const readAll = async (ring: KeyRing): Promise<void> => {
  const { pool } = installation
  for (const orgId of ORGS)
    expect((await openConnection(pool, ring, orgId, 'pco'))?.credential).toEqual({ kind: 'token', token: `app:${orgId}` })
  expect(await readApp(pool, ring, { orgId: OAUTH, source: 'pco' })).toMatchObject({ clientSecret: simulator.app.clientSecret })
  expect(await acceptedSecrets(pool, ring, hooked)).toEqual(new Map([[EVENT, ['second', 'first']]]))
  expect((await readAccessToken(pool, ring, { orgId: OAUTH, source: 'pco' }))?.accessToken).toMatch(/^\w{48}$/)
}

const rotate = (fail = '') =>
  installation.cli(['keys', 'rotate', '--json'], '', {
    SYNCLINE_ENCRYPTION_KEY: newKey,
    SYNCLINE_ENCRYPTION_KEY_OLD: oldKey,
    SYNCLINE_FAIL: fail,
  })

test('a credential of before there were keys of organisations opens, and is stored as others are from then on', async () => {
  await addLegacy('org-read')
  const opened = await openConnection(installation.pool, before, 'org-read', 'pco')
  expect(opened).toMatchObject({ credential: { token: 'app:org-read' } })
  const { rows } = await installation.pool.query<{ version: number; limit_key: string }>(
    "select get_byte(credential, 0) as version, limit_key from sync.connections where org_id = 'org-read'",
  )
  expect(rows).toEqual([{ version: 2, limit_key: opened?.limitKey }])
  expect(await openConnection(installation.pool, before, 'org-read', 'pco')).toEqual(opened)
})

describe('a rotation', () => {
  test('that is killed half-way leaves everything readable, goes on when it is called again, and then nothing is under the old key', async () => {
    const { pool } = installation
    const both = parseEncryptionKey(newKey, oldKey)
    const killed = await rotate('keys.after-organisation:crash:3')
    expect(killed.code).toBeNull()
    const left = await toRotate(pool, both, false)
    expect(left.length).toBeGreaterThan(0)
    expect(left.length).toBeLessThan(ORGS.length + 3)
    await readAll(both)

    // Read all the while, as workers do.
    let done = false
    const reader = (async () => {
      while (!done) await readAll(both)
    })()
    const second = await rotate()
    done = true
    await reader
    expect(second.code, second.stderr).toBe(0)
    expect(second.json.at(-1)).toMatchObject({ type: 'keys-rotated', left: 0, organisations: left.length })
    await readAll(parseEncryptionKey(newKey))
    expect((await openConnection(pool, parseEncryptionKey(newKey), LEGACY, 'pco'))?.credential).toMatchObject({
      token: `app:${LEGACY}`,
    })
    for (const orgId of [...ORGS, LEGACY]) {
      await expect(openConnection(pool, before, orgId, 'pco')).rejects.toMatchObject({ code: 'config' })
    }
  })

  test('keeps the window of a connection in the limiter', async () => {
    const keys = async () =>
      (await installation.pool.query('select org_id, limit_key from sync.connections order by org_id')).rows
    const limitKeys = await keys()
    const all = await installation.cli(['keys', 'rotate', '--all'], '', { SYNCLINE_ENCRYPTION_KEY: newKey })
    expect(all.code, all.stderr).toBe(0)
    expect(await keys()).toEqual(limitKeys)
    await readAll(parseEncryptionKey(newKey))
  })

  test('without the key that things are under is refused with the name of that key, and changes nothing', async () => {
    const refused = await installation.cli(['keys', 'rotate'], '', {
      SYNCLINE_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    })
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain(parseEncryptionKey(newKey).current.id)
    await readAll(parseEncryptionKey(newKey))
  })
})
