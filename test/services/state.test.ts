// State files and the ledger on a real PostgreSQL: watermarks never go backwards unasked.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseState } from '../../cli/state-import.ts'
import { readState } from '../../cli/state-parts.ts'
import { migrateLedger } from '../../ledger/migrate.ts'
import { listConnections, saveConnection } from '../../ledger/organisations.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { type FreshDatabase, freshDatabase } from './support.ts'

let database: FreshDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  await migrateLedger(database.url, silentLogger)
  pool = createPool({ url: database.url })
  const connection = { orgId: 'acme', source: 'pco', adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null }
  await saveConnection(pool, Buffer.alloc(32), { ...connection, credential: 'a:b' })
})
afterAll(async () => {
  await pool?.end()
  await database?.drop()
})
beforeEach(async () => {
  await pool.query('drop table if exists sync.watermarks')
})

const createWatermarks = () =>
  pool.query(
    `create table sync.watermarks (org_id text, source text, entity text, kind text, value timestamptz not null,
       primary key (org_id, source, entity, kind))`,
  )

const fileOf = (value: string): string =>
  [
    JSON.stringify({ type: 'syncline-state', version: 1 }),
    JSON.stringify({ type: 'watermark', org: 'acme', source: 'pco', entity: 'person', kind: 'delta', value }),
  ].join('\n')

const importing = async (value: string, force = false) => {
  const [connection] = await listConnections(pool)
  const [line] = parseState(fileOf(value), 'file')
  if (connection === undefined || line === undefined) throw new Error('unreachable')
  return line.write(pool, { connection, now: new Date(), force })
}

const values = async () => (await readState(pool, undefined)).map((line) => ('value' in line ? line.value : undefined))

test('a watermark moves on, stays as it is, and goes back only when that is asked for', async () => {
  await createWatermarks()
  expect(await importing('2026-03-01T10:00:00.000002Z')).toBe('added')
  expect(await importing('2026-03-01T10:00:00.000002Z')).toBe('unchanged')
  expect(await importing('2026-03-01T11:00:00.000002+01:00')).toBe('unchanged')
  expect(await importing('2026-03-01T10:00:00.000001Z')).toBe('kept')
  expect(await values()).toEqual(['2026-03-01T10:00:00.000002Z'])
  expect(await importing('2026-03-01T10:00:00.000003Z')).toBe('changed')
  expect(await importing('2026-02-01T10:00:00Z', true)).toBe('changed')
  expect(await values()).toEqual(['2026-02-01T10:00:00.000000Z'])
})

test('without a table of them there are none, and none is taken in', async () => {
  expect(await values()).toEqual([])
  await expect(importing('2026-03-01T10:00:00Z')).rejects.toMatchObject({ code: 'incompatible' })
})
