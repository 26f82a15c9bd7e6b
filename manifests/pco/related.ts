// What a record's relationships and links say, as the mappings ask for it.
import type { SourceRecord } from '../manifest.ts'

type Related = SourceRecord['related'][string] | undefined

/** The id of a to-one relationship; null when it says none, nothing, or many. */
export const one = (related: Related): string | null => (typeof related === 'string' ? related : null)

/** The ids of a to-many relationship. */
export const many = (related: Related): readonly string[] => (typeof related === 'object' && related !== null ? related : [])

const selfLink = (raw: unknown): string | null => {
  if (typeof raw !== 'object' || raw === null || !('links' in raw)) return null
  const { links } = raw
  if (typeof links !== 'object' || links === null || !('self' in links)) return null
  return typeof links.self === 'string' ? links.self : null
}

/** The id after `/v2/<collection>/` in the record's self link: where a resource names its parent only there. */
export const idInSelfLink = (raw: unknown, collection: string): string | null =>
  selfLink(raw)
    ?.split(`/v2/${collection}/`)[1]
    ?.match(/^[\w-]+/)?.[0] ?? null
