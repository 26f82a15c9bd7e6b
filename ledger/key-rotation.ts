// Rotation of the installation's key: organisation by organisation, in a transaction each, so that whoever is killed half-way leaves every
// secret readable, and the next rotation goes on with the rest. Each organisation gets a new key of its own too.
import { randomBytes } from 'node:crypto'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { recordAudit } from './audit.ts'
import { wrappedKeyOf } from './data-keys.ts'
import { KEY_BYTES, type KeyRing, openSecret, sealSecret, wrapKey } from './secrets.ts'

/**
 * Every column that holds a secret, with the SQL of its owner's source and field; who adds one adds it here. Names are these, never from
 * outside.
 */
const SEALED = [
  { table: 'sync.connections', column: 'credential', source: 'source', field: "'credential'" },
  { table: 'sync.tokens', column: 'client_secret', source: 'source', field: "'client secret'" },
  { table: 'sync.tokens', column: 'access_token', source: 'source', field: "'access token'" },
  { table: 'sync.tokens', column: 'refresh_token', source: 'source', field: "'refresh token'" },
  { table: 'sync.webhook_subscriptions', column: 'secret', source: 'source', field: "'webhook:' || event" },
  { table: 'sync.webhook_subscriptions', column: 'previous_secret', source: 'source', field: "'webhook:' || event" },
  { table: 'sync.field_keys', column: 'key', source: "''::text", field: "'field key'" },
] as const

const TABLES = new Map(SEALED.map(({ table, source }) => [table, source]))

/** Organisations that have a secret, or a key, which is not under the current key; `everything`: all that have any. */
export const toRotate = async (client: Queryable, { current }: KeyRing, everything: boolean): Promise<readonly string[]> => {
  const direct = SEALED.map(({ table, column }) => `select org_id from ${table} where get_byte(${column}, 0) = 1`).join(' union ')
  const { rows } = await client.query<{ org_id: string }>(
    `select org_id from sync.data_keys where kek_id <> $1 or $2 union ${direct} order by org_id`,
    [current.id, everything],
  )
  return rows.map((row) => row.org_id)
}

interface SealedRow {
  source: string
  field: string
  sealed: Buffer | null
}

/** Seals all secrets of one organisation anew, under a new key. Returns how many; throws SynclineError('config') when one cannot be opened. */
export const rotateOrganisation = (pool: Pool, ring: KeyRing, orgId: string): Promise<number> =>
  inTransaction(pool, async (client) => {
    // In the order of whoever refreshes a token: its row, then the key.
    for (const [table, source] of [...TABLES].toReversed())
      await client.query(`select from ${table} where org_id = $1 order by ${source} for no key update`, [orgId])
    const dataKey = randomBytes(KEY_BYTES)
    const wrapped = [orgId, ring.current.id, wrapKey(ring, orgId, dataKey)]
    // Who has none gets it now: whoever seals a first secret meanwhile finds a row to wait for.
    await client.query('insert into sync.data_keys (org_id, kek_id, wrapped) values ($1, $2, $3) on conflict do nothing', wrapped)
    const { rows } = await client.query<{ kek_id: string; wrapped: Buffer }>(
      'select kek_id, wrapped from sync.data_keys where org_id = $1 for update',
      [orgId],
    )
    const before = rows[0] === undefined ? null : wrappedKeyOf(rows[0])
    let secrets = 0
    for (const { table, column, source, field } of SEALED) {
      const sealed = await client.query<SealedRow>(
        `select ${source} as source, ${field} as field, ${column} as sealed from ${table} where org_id = $1`,
        [orgId],
      )
      for (const row of sealed.rows) {
        if (row.sealed === null) continue
        const owner = { orgId, source: row.source, field: row.field }
        const anew = sealSecret(dataKey, owner, openSecret(ring, before, owner, row.sealed))
        const change = `update ${table} set ${column} = $4 where org_id = $1 and ${source} = $2 and ${field} = $3`
        await client.query(change, [orgId, row.source, row.field, anew])
        secrets++
      }
    }
    await client.query('update sync.data_keys set kek_id = $2, wrapped = $3, created_at = now() where org_id = $1', wrapped)
    await recordAudit(client, { orgId, action: 'keys.rotated', subject: orgId, facts: { secrets, key: ring.current.id } })
    return secrets
  })
