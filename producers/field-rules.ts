// An organisation's field rules, ready for what its API sends: read from the ledger once per connection, applied to what is in hand before
// anything of it is produced or compared. Undefined everywhere: there are none, and nothing is done.
import { createHmac } from 'node:crypto'
import type { Adapter } from '../adapters/core/adapter.ts'
import type { ReceivedPart } from '../adapters/core/body.ts'
import { fieldKey } from '../ledger/field-keys.ts'
import { listFieldRules } from '../ledger/field-rules.ts'
import type { KeyRing } from '../ledger/secrets.ts'
import { compileFieldRules, type FieldRules } from '../manifests/field-rules.ts'
import type { DeliveryReader, Manifest } from '../manifests/manifest.ts'
import { parseExactJson, printExactJson } from '../platform/exact-json.ts'
import { jsonTextOf } from '../platform/json-bytes.ts'
import type { Pool } from '../platform/postgres.ts'

export interface RuledBody {
  readonly body: Buffer
  /** As parsed from it. */
  readonly document: unknown
}

/** Throws SynclineError('config') when a rule cannot be obeyed or the key of the hashes not be decrypted: nothing may be fetched then. */
export const openFieldRules = async (
  pool: Pool,
  ring: KeyRing,
  orgId: string,
  manifest: Manifest,
): Promise<FieldRules | undefined> => {
  const stored = await listFieldRules(pool, orgId)
  if (stored.length === 0) return undefined
  const key = stored.some(({ action }) => action === 'hash') ? await fieldKey(pool, ring, orgId) : ''
  return compileFieldRules(manifest, stored, (text) => createHmac('sha256', key).update(text).digest('hex'))
}

/** `document` is what was parsed from `body`: the same bytes where no rule applies. */
export const ruledBody = (rules: FieldRules | undefined, entity: string, body: Buffer, document: unknown): RuledBody => {
  const ruled = rules === undefined ? document : rules.apply(entity, document)
  return ruled === document ? { body, document } : { body: Buffer.from(printExactJson(ruled)), document: ruled }
}

/** Undefined: it is not JSON. */
export const parsedDelivery = (body: Buffer): unknown => {
  try {
    return parseExactJson(jsonTextOf(body))
  } catch {
    return undefined
  }
}

/** Of a delivery whose signature was checked. */
export const ruledDelivery = (rules: FieldRules | undefined, reader: DeliveryReader | null, body: Buffer): Buffer => {
  if (rules === undefined) return body
  const document = parsedDelivery(body)
  const ruled = reader?.rewrite(document, rules.apply) ?? {}
  return ruled === document ? body : Buffer.from(printExactJson(ruled))
}

/** The beginning of a record may hold any of its values, and cannot be parsed. */
export const ruledPart = (rules: FieldRules | undefined, received: ReceivedPart | undefined): ReceivedPart | undefined =>
  rules === undefined || received === undefined ? received : { ...received, beginning: Buffer.alloc(0) }

/** An adapter whose records are as they would have been synced, for who compares them. */
export const ruledAdapter = (adapter: Adapter, rules: FieldRules | undefined): Adapter =>
  rules === undefined
    ? adapter
    : {
        ...adapter,
        parseOne: (entity, body) => rules.apply(entity, adapter.parseOne(entity, body)),
        parseList: (entity, body) => {
          const page = adapter.parseList(entity, body)
          return { ...page, body: rules.apply(entity, page.body) }
        },
      }
