import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { openSecret, parseEncryptionKey, sealSecret, unwrapKey, wrapKey } from '../../../ledger/secrets.ts'

const text = (fill: number) => Buffer.alloc(32, fill).toString('base64')
const ring = parseEncryptionKey(text(1))
const owner = { orgId: 'acme', source: 'pco', field: 'access token' }
const dataKey = randomBytes(32)
const wrapped = { kekId: ring.current.id, wrapped: wrapKey(ring, 'acme', dataKey) }

describe('a secret', () => {
  it('opens for its organisation, connection and field, and for no other', () => {
    const sealed = sealSecret(dataKey, owner, 'a-token')
    expect(openSecret(ring, wrapped, owner, sealed)).toBe('a-token')
    for (const other of [{ source: 'annex' }, { field: 'refresh token' }]) {
      expect(() => openSecret(ring, wrapped, { ...owner, ...other }, sealed)).toThrow('cannot be decrypted')
    }
    const theirs = { kekId: ring.current.id, wrapped: wrapKey(ring, 'other', dataKey) }
    expect(() => openSecret(ring, theirs, { ...owner, orgId: 'other' }, sealed)).toThrow('cannot be decrypted')
  })

  it('does not open when a bit of it was changed, or without its organisation’s key', () => {
    const sealed = sealSecret(dataKey, owner, 'a-token')
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      expect(() => openSecret(ring, wrapped, owner, changed), `byte ${at}`).toThrow('cannot be decrypted')
    }
    expect(() => openSecret(ring, null, owner, sealed)).toThrow('cannot be decrypted')
  })

  it('is never twice the same, and is not in its bytes', () => {
    const [one, another] = [sealSecret(dataKey, owner, 'a-token'), sealSecret(dataKey, owner, 'a-token')]
    expect(one.equals(another)).toBe(false)
    expect(one.includes('a-token')).toBe(false)
  })
})

describe('the key of an organisation', () => {
  it('opens under the installation’s key, old or current, and names the one that is missing', () => {
    const next = parseEncryptionKey(text(2), text(1))
    expect(unwrapKey(next, 'acme', wrapped).equals(dataKey)).toBe(true)
    expect(() => unwrapKey(parseEncryptionKey(text(2)), 'acme', wrapped)).toThrow('cannot be decrypted')
    const thrown = (() => {
      try {
        return unwrapKey(parseEncryptionKey(text(2)), 'acme', wrapped)
      } catch (error) {
        return error
      }
    })()
    expect(thrown).toMatchObject({ code: 'config', remedy: expect.stringContaining(ring.current.id) })
  })

  it('cannot be moved to another organisation', () => {
    expect(() => unwrapKey(ring, 'other', wrapped)).toThrow('cannot be decrypted')
  })
})

describe('the installation’s key', () => {
  it('is base64 or hex of 32 bytes, and what is neither is told without being repeated', () => {
    expect(parseEncryptionKey(Buffer.alloc(32, 1).toString('hex')).current.id).toBe(ring.current.id)
    expect(() => parseEncryptionKey('too-short')).toThrow(/^SYNCLINE_ENCRYPTION_KEY has \d+ bytes/)
    expect(() => parseEncryptionKey(text(1), 'too-short')).toThrow(/^SYNCLINE_ENCRYPTION_KEY_OLD has/)
  })
})
