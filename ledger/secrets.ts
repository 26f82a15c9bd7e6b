// Secrets at rest: AES-256-GCM with authenticated data that name the owner, so that a ciphertext cannot be moved to another row (invariant 9).
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { SynclineError } from '../platform/errors.ts'

export interface SecretOwner {
  readonly orgId: string
  readonly source: string
  readonly field: string
}

const VERSION = 1
const IV_BYTES = 12
const TAG_BYTES = 16

const aad = (owner: SecretOwner): Buffer => Buffer.from(JSON.stringify([owner.orgId, owner.source, owner.field]))

/** The key is 32 bytes, given as base64 or hex. Throws SynclineError('config') otherwise; the value is never repeated. */
export const parseEncryptionKey = (text: string): Buffer => {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')
  if (key.length === 32) return key
  throw new SynclineError('config', `SYNCLINE_ENCRYPTION_KEY has ${key.length} bytes and needs 32.`, {
    remedy: 'Make one with: openssl rand -base64 32',
  })
}

/** Version byte, iv, tag, ciphertext. */
export const sealSecret = (key: Buffer, owner: SecretOwner, plain: string): Buffer => {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(aad(owner))
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return Buffer.concat([Buffer.of(VERSION), iv, cipher.getAuthTag(), sealed])
}

export const openSecret = (key: Buffer, owner: SecretOwner, sealed: Buffer): string => {
  try {
    if (sealed[0] !== VERSION) throw new Error(`unknown version ${sealed[0]}`)
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 1 + IV_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(aad(owner))
    decipher.setAuthTag(sealed.subarray(1 + IV_BYTES, 1 + IV_BYTES + TAG_BYTES))
    return decipher.update(sealed.subarray(1 + IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
  } catch (cause) {
    throw new SynclineError('config', `The ${owner.field} of ${owner.orgId}/${owner.source} cannot be decrypted with this key.`, {
      cause,
      remedy: 'Set SYNCLINE_ENCRYPTION_KEY to the key it was stored with, or add the organisation again.',
    })
  }
}
