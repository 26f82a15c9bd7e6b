// Row-level security on a real PostgreSQL: a reader's role sees its own organisation in every table, and nothing of the ledger.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrateLedger } from '../../ledger/migrate.ts'
import { postgres } from '../../local/services/postgres.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool, type Pool, sqlState } from '../../platform/postgres.ts'
import { layouts } from '../../sinks/postgres/layout.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { migrateCanonical } from '../../sinks/postgres/migrate.ts'
import { createReader, readersOf, removeReader, setReaderPassword } from '../../sinks/postgres/readers.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { canonicalEntities, hardReferences } from '../../topics/canonical.ts'
import { ownService } from '../harness/own-service.ts'
import { type BatchItem, batchOf, createTestDatabase, idOf, recordOf, startRun, type TestDatabase } from './sink-fixtures.ts'

let db: TestDatabase
let own = ''
let foreign = ''
let reader: Pool
/** Roles are of the whole server: names that no other test has. */
const suffix = randomBytes(4).toString('hex')
const role = `reader_${suffix}`
const password = randomBytes(12).toString('hex')
const roles: string[] = []

const loginAs = (name: string, secret: string, url = db.url, settings: Readonly<Record<string, string>> = {}): Pool => {
  const address = new URL(url)
  address.username = name
  address.password = secret
  return createPool({ url: address.href, max: 1, settings })
}

/** A row of every entity, parents first. */
const rowsOf = (orgId: string): readonly BatchItem[] =>
  canonicalEntities.map((entity) => {
    const parents = hardReferences(entity).map(({ column, parent }) => [column, idOf(orgId, parent, '1')] as const)
    const fields = entity.columns.flatMap(({ field, column }) => {
      const parent = parents.find(([name]) => name === column)
      return parent === undefined ? [] : [[field, parent[1]] as const]
    })
    return {
      entity: entity.entity,
      record: recordOf(entity.entity, { orgId, externalId: '1', fields: Object.fromEntries(fields) }),
    }
  })

beforeAll(async () => {
  db = await createTestDatabase()
  ;({ orgId: own } = await startRun(db.pool))
  ;({ orgId: foreign } = await startRun(db.pool))
  for (const orgId of [own, foreign]) await mergeBatch(db.pool, batchOf(rowsOf(orgId)), createCountedRanges())
  await createReader(db.pool, own, role, password)
  roles.push(role)
  reader = loginAs(role, password)
})

afterAll(async () => {
  await reader?.end()
  for (const name of roles) {
    await db.pool.query(`drop owned by "${name}"`).catch(() => undefined)
    await db.pool.query(`drop role if exists "${name}"`).catch(() => undefined)
  }
  await db?.drop()
})

const tablesOf = async (schema: string): Promise<readonly string[]> => {
  const { rows } = await db.pool.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p') order by 1`,
    [schema],
  )
  return rows.map(({ name }) => name)
}

/** The organisations whose rows a table shows. */
const seenIn = async (pool: Pool, table: string, where = 'true'): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ org_id: string }>(`select org_id from ${table} where ${where}`)
  return rows.map(({ org_id }) => org_id)
}

const stateOf = (asked: Promise<unknown>): Promise<string | undefined> =>
  asked.then(
    () => 'allowed',
    (error: unknown) => sqlState(error),
  )

const REFUSED = '42501'

/** Two statements on one connection, the first of which says who asks. */
const within = async <T>(pool: Pool, begin: string, ask: (client: Pick<Pool, 'query'>) => Promise<T>): Promise<T> => {
  const client = await pool.connect()
  try {
    await client.query(begin)
    return await ask(client)
  } finally {
    await client.query('reset role; reset all').catch(() => undefined)
    client.release(true)
  }
}

test('every table of schema canonical has rows of both organisations, and row-level security', async () => {
  const tables = await tablesOf('canonical')
  expect(tables.length).toBe(layouts.length)
  for (const table of tables) expect(new Set(await seenIn(db.pool, table)), table).toEqual(new Set([own, foreign]))
  const { rows } = await db.pool.query(
    `select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'canonical' and c.relkind in ('r', 'p') and not relrowsecurity`,
  )
  expect(rows).toEqual([])
})

describe("a reader's role", () => {
  test('sees its own rows and no foreign one, in every table, whatever it asks for or sets', async () => {
    for (const table of await tablesOf('canonical')) {
      expect(await seenIn(reader, table), table).toEqual([own])
      expect(await seenIn(reader, table, `org_id = '${foreign}'`), table).toEqual([])
      const set = await within(reader, `set syncline.org = '${foreign}'`, (client) => client.query(`select org_id from ${table}`))
      expect(set.rows, table).toEqual([{ org_id: own }])
      const group = `set role syncline_reader; set syncline.org = '${foreign}'`
      const asGroup = await within(reader, group, (client) => client.query(`select org_id from ${table}`))
      expect(asGroup.rows, table).toEqual([{ org_id: own }])
    }
  })

  test('writes nothing, in any table, of its own organisation or another', async () => {
    for (const orgId of [own, foreign])
      for (const table of await tablesOf('canonical')) {
        // Its connections are read-only; it may change that, and is refused all the same.
        const ask = (sql: string) =>
          stateOf(within(reader, 'set default_transaction_read_only = off', (client) => client.query(sql)))
        expect(await ask(`insert into ${table} (org_id, id) values ('${orgId}', gen_random_uuid())`), table).toBe(REFUSED)
        expect(await ask(`update ${table} set source = 'x' where org_id = '${orgId}'`), table).toBe(REFUSED)
        expect(await ask(`delete from ${table} where org_id = '${orgId}'`), table).toBe(REFUSED)
        expect(await ask(`truncate ${table}`), table).toBe(REFUSED)
      }
  })

  test('that was granted too much still reaches no foreign row', async () => {
    const generous = `generous_${suffix}`
    roles.push(generous)
    await createReader(db.pool, own, generous, password)
    await db.pool.query(`grant insert, update, delete on all tables in schema canonical to "${generous}"`)
    const pool = loginAs(generous, password)
    try {
      for (const table of (await tablesOf('canonical')).toReversed()) {
        const ask = (sql: string) => within(pool, 'set default_transaction_read_only = off', (client) => client.query(sql))
        expect((await ask(`update ${table} set source = 'x' where org_id = '${foreign}'`)).rowCount, table).toBe(0)
        expect((await ask(`delete from ${table} where org_id = '${foreign}'`)).rowCount, table).toBe(0)
        const insert = ask(`insert into ${table} (org_id, id) values ('${foreign}', gen_random_uuid())`)
        expect(await stateOf(insert), table).toBe(REFUSED)
        expect(await stateOf(ask(`update ${table} set org_id = '${foreign}' where org_id = '${own}'`)), table).toBe(REFUSED)
        expect(await seenIn(db.pool, table, `org_id = '${foreign}' and source = 'pco'`), table).toEqual([foreign])
      }
    } finally {
      await pool.end()
    }
  })

  test('reads nothing of the ledger, parked rows and audit trail included, and becomes nobody else', async () => {
    const tables = await tablesOf('sync')
    expect(tables).toContain('sync.parked_address')
    expect(tables).toContain('sync.connections')
    for (const table of tables) expect(await stateOf(reader.query(`select from ${table}`)), table).toBe(REFUSED)
    const { rows } = await db.pool.query<{ owner: string }>('select current_user as owner')
    expect(await stateOf(reader.query(`set role "${rows[0]?.owner}"`))).toBe(REFUSED)
    const make = within(reader, 'set default_transaction_read_only = off', (client) =>
      client.query('create table canonical.mine (id int)'),
    )
    expect(await stateOf(make)).toBe(REFUSED)
  })

  test('that was renamed, or was never bound, sees nothing', async () => {
    const loose = `loose_${suffix}`
    roles.push(loose)
    await db.pool.query(`create role "${loose}" login password '${password}'; grant syncline_reader to "${loose}"`)
    const pool = loginAs(loose, password, db.url, { 'syncline.org': foreign })
    try {
      for (const table of await tablesOf('canonical')) expect(await seenIn(pool, table), table).toEqual([])
    } finally {
      await pool.end()
    }
  })

  test('takes another password, and is gone when it is removed', async () => {
    const brief = `brief_${suffix}`
    roles.push(brief)
    await createReader(db.pool, own, brief, password)
    await expect(createReader(db.pool, foreign, brief, password)).rejects.toMatchObject({ code: 'conflict' })
    const found = (await readersOf(db.pool, own)).find((entry) => entry.role === brief)
    if (found === undefined) throw new Error('the role is not bound')
    await setReaderPassword(db.pool, found, 'another-password')
    const [old, fresh] = [loginAs(brief, password), loginAs(brief, 'another-password')]
    await expect(old.query('select 1')).rejects.toThrow('password authentication failed')
    expect((await fresh.query('select org_id from campus')).rows).toEqual([{ org_id: own }])
    await Promise.all([old.end(), fresh.end()])
    await removeReader(db.pool, found)
    expect((await readersOf(db.pool, own)).map((entry) => entry.role)).not.toContain(brief)
    expect((await db.pool.query('select from pg_roles where rolname = $1', [brief])).rowCount).toBe(0)
  })
})

test('a program that owns the tables can act as the reader of one organisation', async () => {
  const ask = (begin: string) => within(db.pool, begin, (client) => client.query('select org_id from canonical.person'))
  expect((await ask(`set role syncline_reader; set syncline.org = '${foreign}'`)).rows).toEqual([{ org_id: foreign }])
  expect((await ask('set role syncline_reader')).rows).toEqual([])
})

describe('where the migrating role may not create roles', () => {
  test('everything but readers works, and who asks for one is told what an administrator does', async () => {
    const server = await ownService(postgres(password))
    await server.start()
    const admin = createPool({ url: server.url, max: 1 })
    await admin.query(`create role plain login password '${password}'`)
    await admin.query('create database plain owner plain')
    const url = new URL(server.url)
    url.pathname = '/plain'
    url.username = 'plain'
    url.password = password
    const pool = createPool({ url: url.href, max: 2 })
    try {
      await migrateLedger(url.href, silentLogger)
      await migrateCanonical(url.href, silentLogger)
      const { orgId } = await startRun(pool)
      await mergeBatch(pool, batchOf(rowsOf(orgId)), createCountedRanges())
      expect(await seenIn(pool, 'canonical.address')).toEqual([orgId])
      const asked = createReader(pool, orgId, 'plain_reader', password)
      await expect(asked).rejects.toMatchObject({
        code: 'config',
        remedy: expect.stringContaining('create role syncline_reader'),
      })
      await admin.query(
        'create role syncline_reader nologin; alter role plain createrole; grant syncline_reader to plain with admin option',
      )
      await createReader(pool, orgId, 'plain_reader', password)
      url.username = 'plain_reader'
      const readerPool = createPool({ url: url.href, max: 1 })
      expect(await seenIn(readerPool, 'address')).toEqual([orgId])
      await readerPool.end()
    } finally {
      await Promise.all([pool.end(), admin.end()])
      await server.remove()
    }
  })
})
