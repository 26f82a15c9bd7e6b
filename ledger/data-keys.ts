// The key of an organisation, under which its secrets are encrypted: made with its first secret, kept wrapped under the installation's
// key. Goes in a client, the installation's keys and an owner; comes out a secret sealed.
import { randomBytes } from 'node:crypto'
import type { Queryable } from '../platform/postgres.ts'
import { KEY_BYTES, type KeyRing, type SecretOwner, sealSecret, unwrapKey, type WrappedKey, wrapKey } from './secrets.ts'

export interface WrappedKeyRow {
  kek_id: string | null
  wrapped: Buffer | null
}

/** To be read in the statement that reads the secret, by joining sync.data_keys as `k`. */
export const WRAPPED_KEY = 'k.kek_id, k.wrapped'

export const wrappedKeyOf = ({ kek_id, wrapped }: WrappedKeyRow): WrappedKey | null =>
  kek_id === null || wrapped === null ? null : { kekId: kek_id, wrapped }

const readKey = async (client: Queryable, ring: KeyRing, orgId: string): Promise<Buffer | undefined> => {
  const { rows } = await client.query<{ kek_id: string; wrapped: Buffer }>(
    'select kek_id, wrapped from sync.data_keys where org_id = $1 for share',
    [orgId],
  )
  const row = rows[0]
  return row && unwrapKey(ring, orgId, { kekId: row.kek_id, wrapped: row.wrapped })
}

const makeKey = async (client: Queryable, ring: KeyRing, orgId: string): Promise<Buffer> => {
  // Of two who make it at once, one does.
  await client.query('insert into sync.data_keys (org_id, kek_id, wrapped) values ($1, $2, $3) on conflict do nothing', [
    orgId,
    ring.current.id,
    wrapKey(ring, orgId, randomBytes(KEY_BYTES)),
  ])
  const key = await readKey(client, ring, orgId)
  if (key === undefined) throw new Error(`The key of ${orgId} was removed as it was made`)
  return key
}

/**
 * Seals under the organisation's key. To be called in the transaction that writes the result: a rotation of keys waits for its end and
 * then finds what it wrote. The organisation's row must be there.
 */
export const seal = async (client: Queryable, ring: KeyRing, owner: SecretOwner, plain: string): Promise<Buffer> =>
  sealSecret((await readKey(client, ring, owner.orgId)) ?? (await makeKey(client, ring, owner.orgId)), owner, plain)
