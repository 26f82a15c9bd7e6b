// Secrets at rest: AES-256-GCM with authenticated data that name the owner, so that a ciphertext cannot be moved to another row
// (invariant 9). Pure: keys and texts go in, bytes come out, and back. Which key is whose: data-keys.ts.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { isSynclineError, SynclineError } from '../platform/errors.ts'

export interface SecretOwner {
  readonly orgId: string
  readonly source: string
  readonly field: string
}

export interface Key {
  /** Tells keys apart and says nothing of them. */
  readonly id: string
  readonly bytes: Buffer
}

/** The installation's keys: everything new is encrypted under `current`; the others can only be read with, while keys are rotated. */
export interface KeyRing {
  readonly current: Key
  readonly old: readonly Key[]
}

const IV_BYTES = 12
const TAG_BYTES = 16
export const KEY_BYTES = 32

/** Directly under the installation's key, as before there were keys of organisations. */
const DIRECT = 1
/** Under the organisation's key. */
const ENVELOPE = 2
/** An organisation's key under the installation's. */
const WRAPPED = 3

const parseKey = (text: string, variable: string): Key => {
  const bytes = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')
  if (bytes.length !== KEY_BYTES) {
    throw new SynclineError('config', `${variable} has ${bytes.length} bytes and needs ${KEY_BYTES}.`, {
      remedy: 'Make one with: openssl rand -base64 32',
    })
  }
  return { id: createHash('sha256').update('syncline key id\n').update(bytes).digest('hex').slice(0, 16), bytes }
}

/** Keys are 32 bytes each, as base64 or hex. Throws SynclineError('config') otherwise; the value is never repeated. */
export const parseEncryptionKey = (text: string, old?: string): KeyRing => ({
  current: parseKey(text, 'SYNCLINE_ENCRYPTION_KEY'),
  old: old === undefined ? [] : [parseKey(old, 'SYNCLINE_ENCRYPTION_KEY_OLD')],
})

/** Version byte, iv, tag, ciphertext. */
const encrypt = (version: number, key: Buffer, aad: string, plain: Buffer): Buffer => {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(Buffer.from(aad))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([Buffer.of(version), iv, cipher.getAuthTag(), sealed])
}

/** Throws when anything of it is not as it was sealed. */
const decrypt = (key: Buffer, aad: string, sealed: Buffer): Buffer => {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + IV_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(aad))
  decipher.setAuthTag(sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(1 + IV_BYTES + TAG_BYTES)), decipher.final()])
}

const aadOf = ({ orgId, source, field }: SecretOwner): string => JSON.stringify([orgId, source, field])
const aadOfKey = (orgId: string): string => JSON.stringify([orgId, 'data key'])

export const wrapKey = ({ current }: KeyRing, orgId: string, dataKey: Buffer): Buffer =>
  encrypt(WRAPPED, current.bytes, aadOfKey(orgId), dataKey)

/** An organisation's key as it is stored. */
export interface WrappedKey {
  readonly kekId: string
  readonly wrapped: Buffer
}

/** Throws SynclineError('config') when the ring does not have the key named `kekId`, or the wrapped key is not this organisation's. */
export const unwrapKey = (ring: KeyRing, orgId: string, { kekId, wrapped }: WrappedKey): Buffer => {
  const key = [ring.current, ...ring.old].find(({ id }) => id === kekId)
  try {
    if (key === undefined) throw new Error(`it is encrypted under the key ${kekId}`)
    return decrypt(key.bytes, aadOfKey(orgId), wrapped)
  } catch (cause) {
    throw new SynclineError(
      'config',
      `The key of ${orgId} cannot be decrypted with this installation's key ${ring.current.id}.`,
      {
        cause,
        remedy: `Set SYNCLINE_ENCRYPTION_KEY, or beside it SYNCLINE_ENCRYPTION_KEY_OLD, to the key ${kekId}; or connect the organisation again.`,
      },
    )
  }
}

export const sealSecret = (dataKey: Buffer, owner: SecretOwner, plain: string): Buffer =>
  encrypt(ENVELOPE, dataKey, aadOf(owner), Buffer.from(plain, 'utf8'))

/** Whether it was sealed before there were keys of organisations. */
export const isDirect = (sealed: Buffer): boolean => sealed[0] === DIRECT

const openDirect = (ring: KeyRing, owner: SecretOwner, sealed: Buffer): Buffer => {
  for (const { bytes } of [ring.current, ...ring.old]) {
    try {
      return decrypt(bytes, aadOf(owner), sealed)
    } catch {
      // Such a secret does not say under which key it is.
    }
  }
  throw new Error('none of the keys opens it')
}

const openEnvelope = (ring: KeyRing, key: WrappedKey | null, owner: SecretOwner, sealed: Buffer): Buffer => {
  if (sealed[0] !== ENVELOPE) throw new Error(`unknown version ${sealed[0]}`)
  if (key === null) throw new Error(`${owner.orgId} has no key any more`)
  return decrypt(unwrapKey(ring, owner.orgId, key), aadOf(owner), sealed)
}

/** `key`: the organisation's as it was when `sealed` was read, in one statement: keys are rotated meanwhile. Throws SynclineError('config'). */
export const openSecret = (ring: KeyRing, key: WrappedKey | null, owner: SecretOwner, sealed: Buffer): string => {
  try {
    return (isDirect(sealed) ? openDirect(ring, owner, sealed) : openEnvelope(ring, key, owner, sealed)).toString('utf8')
  } catch (cause) {
    if (isSynclineError(cause)) throw cause
    throw new SynclineError('config', `The ${owner.field} of ${owner.orgId}/${owner.source} cannot be decrypted with this key.`, {
      cause,
      remedy: 'Set SYNCLINE_ENCRYPTION_KEY to the key it was stored with, or connect the organisation again.',
    })
  }
}
