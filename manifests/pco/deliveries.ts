// What Planning Center's webhooks say: a body with several deliveries, each with its payload as a string of JSON. Pure, never throws.
import { parseExactJson, printExactJson } from '../../platform/exact-json.ts'
import type { DeliveryReader, EntityDefinition, ToldEvent } from '../manifest.ts'
import { parseId } from '../values.ts'

type JsonObject = Readonly<Record<string, unknown>>

// The one place where unknown JSON becomes an object to look into: its members stay unknown.
const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null

/** Its payload names two people: both are looked at again, because one is gone and the other has what was its. */
const MERGER = 'people.v2.events.person_merger.created'

const parsed = (text: unknown): JsonObject | null => {
  if (typeof text !== 'string') return asObject(text)
  try {
    return asObject(parseExactJson(text))
  } catch {
    return null
  }
}

const mergedPeople = (document: JsonObject): readonly string[] => {
  const data = asObject(document['data'])
  const [attributes, relationships] = [asObject(data?.['attributes']), asObject(data?.['relationships'])]
  return ['person_to_remove', 'person_to_keep'].flatMap(
    (name) => parseId(asObject(asObject(relationships?.[name])?.['data'])?.['id']) ?? parseId(attributes?.[`${name}_id`]) ?? [],
  )
}

/** The deliveries of a body, one or several. */
const toldIn = (body: unknown): readonly unknown[] => {
  const data = asObject(body)?.['data']
  if (data === undefined || data === null) return []
  return Array.isArray(data) ? data : [data]
}

const organisationOf = (delivery: unknown): string | undefined => {
  const organization = asObject(asObject(asObject(delivery)?.['relationships'])?.['organization'])
  return parseId(asObject(organization?.['data'])?.['id'])
}

const unknown = (event: string | null, raw: unknown, reason: string): ToldEvent => ({ kind: 'unknown', event, raw, reason })

export const pcoDeliveries = (definitions: readonly EntityDefinition[]): DeliveryReader => {
  const entities = new Map(definitions.flatMap(({ entity, webhooks }) => webhooks.map((event) => [event, entity] as const)))

  const eventOf = (raw: unknown): ToldEvent => {
    const attributes = asObject(asObject(raw)?.['attributes'])
    const event = typeof attributes?.['name'] === 'string' ? attributes['name'].slice(0, 200) : null
    if (event === null) return unknown(null, raw, 'The delivery names no event')
    const entity = event === MERGER ? 'person' : entities.get(event)
    if (entity === undefined) return unknown(event, raw, 'The manifest does not know the event')
    const document = parsed(attributes?.['payload'])
    if (document === null) return { kind: 'broken', event, entity, raw, reason: 'The payload is not a JSON object' }
    if (event !== MERGER) return { kind: event.endsWith('.destroyed') ? 'removed' : 'changed', event, entity, document, raw }
    const externalIds = mergedPeople(document)
    return externalIds.length > 0
      ? { kind: 'ask', event, entity, externalIds, raw }
      : { kind: 'broken', event, entity, raw, reason: 'The merger names neither of its people' }
  }

  /** A payload that is a string stays one. */
  const rewritten = (raw: unknown, change: (entity: string | null, document: unknown) => unknown): unknown => {
    const [delivery, attributes] = [asObject(raw), asObject(asObject(raw)?.['attributes'])]
    if (delivery === null || attributes === null) return null
    const { name, payload } = attributes
    const document = parsed(payload)
    const changed =
      document?.['data'] === undefined ? null : change((typeof name === 'string' && entities.get(name)) || null, document)
    if (changed !== null && changed === document) return raw
    const text = typeof payload === 'string' && changed !== null ? printExactJson(changed) : changed
    return { ...delivery, attributes: { ...attributes, payload: text } }
  }

  return {
    events: [...entities.keys()],
    read: (body) => {
      const data = asObject(body)?.['data']
      return data === undefined || data === null ? [unknown(null, body, 'The body has no data')] : toldIn(body).map(eventOf)
    },
    accounts: (body) => [...new Set(toldIn(body).flatMap((raw) => organisationOf(raw) ?? []))],
    rewrite: (body, change) => {
      const data = asObject(body)?.['data']
      if (data === undefined || data === null) return {}
      const told = toldIn(body)
      const changed = told.map((raw) => rewritten(raw, change))
      return changed.every((each, n) => each === told[n]) ? body : { data: changed }
    },
  }
}
