// The key of an organisation's hashes: made when the first value is to be hashed, sealed like a secret, and kept through rotations.
// Must hold: of two who make it at once both get the same.
import { randomBytes } from 'node:crypto'
import { inTransaction, type Pool } from '../platform/postgres.ts'
import { seal, WRAPPED_KEY, type WrappedKeyRow, wrappedKeyOf } from './data-keys.ts'
import { KEY_BYTES, type KeyRing, openSecret } from './secrets.ts'

/** Of the organisation, not of one of its connections. As ledger/key-rotation.ts spells it in SQL. */
const ownerOf = (orgId: string) => ({ orgId, source: '', field: 'field key' })

const readKey = async (pool: Pool, ring: KeyRing, orgId: string): Promise<Buffer | undefined> => {
  const { rows } = await pool.query<WrappedKeyRow & { key: Buffer }>(
    `select f.key, ${WRAPPED_KEY} from sync.field_keys f left join sync.data_keys k using (org_id) where f.org_id = $1`,
    [orgId],
  )
  const [row] = rows
  return row && Buffer.from(openSecret(ring, wrappedKeyOf(row), ownerOf(orgId), row.key), 'base64')
}

const makeKey = (pool: Pool, ring: KeyRing, orgId: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    const sealed = await seal(client, ring, ownerOf(orgId), randomBytes(KEY_BYTES).toString('base64'))
    await client.query('insert into sync.field_keys (org_id, key) values ($1, $2) on conflict do nothing', [orgId, sealed])
  })

/** The organisation must be there. Throws SynclineError('config') when the key cannot be decrypted. */
export const fieldKey = async (pool: Pool, ring: KeyRing, orgId: string): Promise<Buffer> => {
  const found = await readKey(pool, ring, orgId)
  if (found !== undefined) return found
  await makeKey(pool, ring, orgId)
  const made = await readKey(pool, ring, orgId)
  if (made === undefined) throw new Error(`The key for hashes of ${orgId} was removed as it was made`)
  return made
}
