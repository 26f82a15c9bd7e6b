// A connection to PostgreSQL that is silent: ended when it is dead, left alone when its statement takes long.
import { from as copyFrom } from 'pg-copy-streams'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, isDatabaseAway, type Pool } from '../../platform/postgres.ts'
import { startProxy, type TcpProxy } from '../harness/proxy.ts'
import { type FreshDatabase, freshDatabase } from './support.ts'

const FOUND_WITHIN_MS = 12_000

let database: FreshDatabase
let proxy: TcpProxy
let pool: Pool
let direct: Pool

beforeAll(async () => {
  database = await freshDatabase()
  proxy = await startProxy(database.url)
  pool = createPool({ url: proxy.url, max: 4 })
  direct = createPool({ url: database.url, max: 2 })
  await direct.query('create table counted (n int primary key)')
})

afterAll(async () => {
  await pool?.end()
  await direct?.end()
  await proxy?.close()
  await database?.drop()
})

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

test('a statement that takes long is left alone, however silent', async () => {
  await expect(pool.query('select pg_sleep(8)')).resolves.toMatchObject({ rowCount: 1 })
})

test('a dead connection is found, its locks are free at once, and nothing is left of its transaction', async () => {
  const [first, second] = [await pool.connect(), await pool.connect()]
  second.release()
  await first.query('begin')
  await first.query('insert into counted values (1)')
  proxy.halfOpen()
  const startedAt = performance.now()
  const error = await failure(first.query('commit'))
  first.release(true)
  expect(isDatabaseAway(error)).toBe(true)
  expect(performance.now() - startedAt).toBeLessThan(FOUND_WITHIN_MS)
  // Without the end of the other session this would wait for its lock.
  await direct.query(`set lock_timeout = '1s'; insert into counted values (1)`)
  // What lay in the pool has gone with it: the next user does not find out for himself.
  const again = performance.now()
  await pool.query('select 1')
  expect(performance.now() - again).toBeLessThan(4_000)
})

test('a COPY whose connection died is given up', async () => {
  const client = await pool.connect()
  const copy = client.query(copyFrom('copy counted from stdin'))
  await new Promise((resolve) => copy.write('7\n', resolve))
  proxy.halfOpen()
  const ended = new Promise((resolve) => copy.once('error', resolve))
  copy.end('8\n')
  expect(isDatabaseAway(await ended)).toBe(true)
  client.release(true)
  const { rows } = await direct.query<{ n: number }>('select n from counted where n > 5')
  expect(rows).toEqual([])
})
