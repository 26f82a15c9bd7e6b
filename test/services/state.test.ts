// State files and the ledger on a real PostgreSQL: watermarks never go backwards unasked.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseState } from '../../cli/state-import.ts'
import { readState } from '../../cli/state-parts.ts'
import { listConnections, saveConnection } from '../../ledger/organisations.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import type { Pool } from '../../platform/postgres.ts'
import { type FreshLedger, freshLedger } from './ledger-fixtures.ts'

let ledger: FreshLedger
let pool: Pool

beforeAll(async () => {
  ledger = await freshLedger()
  pool = ledger.pool
  const connection = { orgId: 'acme', source: 'pco', adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null }
  await saveConnection(pool, parseEncryptionKey('0'.repeat(64)), { ...connection, credential: 'a:b' })
})
afterAll(async () => {
  await ledger?.remove()
})
const fileOf = (at: string): string =>
  [
    JSON.stringify({ type: 'syncline-state', version: 1 }),
    JSON.stringify({ type: 'watermark', org: 'acme', source: 'pco', entity: 'person', at }),
  ].join('\n')

const importing = async (at: string, force = false) => {
  const [connection] = await listConnections(pool)
  const [line] = parseState(fileOf(at), 'file')
  if (connection === undefined || line === undefined) throw new Error('unreachable')
  return line.write(pool, { connection, now: new Date(), force })
}

const values = async () => (await readState(pool, undefined)).map((line) => ('at' in line ? line.at : undefined))

test('a watermark moves on, stays as it is, and goes back only when that is asked for', async () => {
  expect(await importing('2026-03-01T10:00:00.000002Z')).toBe('added')
  expect(await importing('2026-03-01T10:00:00.000002Z')).toBe('unchanged')
  expect(await importing('2026-03-01T11:00:00.000002+01:00')).toBe('unchanged')
  expect(await importing('2026-03-01T10:00:00.000001Z')).toBe('kept')
  expect(await values()).toEqual(['2026-03-01T10:00:00.000002Z'])
  expect(await importing('2026-03-01T10:00:00.000003Z')).toBe('changed')
  expect(await importing('2026-02-01T10:00:00Z', true)).toBe('changed')
  expect(await values()).toEqual(['2026-02-01T10:00:00.000000Z'])
})
