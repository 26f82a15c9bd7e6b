// A generated entity is a table of functions from row to value; this makes a Source of it. No row is kept.
import { type JsonWriter, jsonText } from '../json-writer.ts'
import type { Json, Ref, Relation, Resource } from '../resource.ts'
import type { Source } from '../source.ts'
import type { Die } from './random.ts'
import { isoTime } from './times.ts'

/** Ids begin here for every entity: equal ids of different types are normal with this vendor, and must not collide. */
export const FIRST_ID = 10_000_001

export const idOf = (row: number): string => String(FIRST_ID + row)

export const refTo = (type: string, row: number): Ref => ({ type, id: idOf(row) })

export type Field = (row: number) => Json

export interface Table {
  readonly type: string
  readonly rows: number
  readonly attributes: Readonly<Record<string, Field>>
  readonly relationships: Readonly<Record<string, (row: number) => Relation>>
  /** Rows below a parent's row, by relationship. */
  readonly children?: Readonly<Record<string, (parent: number) => readonly number[]>>
  /** Attributes drawn together: functions of a profile's number, of which there are PROFILES, so that their text is made once. */
  readonly profile?: { readonly of: Die; readonly attributes: Readonly<Record<string, Field>> }
  /** Attributes that are times, in seconds: kept apart so that a million rows are ordered without a million strings. */
  readonly times?: Readonly<Record<string, (row: number) => number>>
}

export const range = (from: number, to: number): readonly number[] => {
  const rows: number[] = []
  for (let row = from; row < to; row++) rows.push(row)
  return rows
}

const rowOf = (id: string, rows: number): number => {
  const row = Number(id) - FIRST_ID
  return Number.isInteger(row) && row >= 0 && row < rows && idOf(row) === id ? row : -1
}

const PROFILES = 1024

/** Every attribute as a function of the row, times made text, and those of the profile last. */
const fieldsOf = (table: Table): [string, Field][] => {
  const times = Object.entries(table.times ?? {}).map(([name, time]): [string, Field] => [name, (row) => isoTime(time(row))])
  return [...Object.entries(table.attributes), ...times].sort(([a], [b]) => (a < b ? -1 : 1))
}

const profileFieldsOf = ({ profile }: Table): [string, Field][] =>
  profile === undefined
    ? []
    : Object.entries(profile.attributes).map(([name, field]) => [name, (row) => field(profile.of(row) % PROFILES)])

/** The end of the attributes object: the bytes of each profile, made when first needed. */
const createEndings = ({ profile }: Table) => {
  if (profile === undefined) return undefined
  const made: Buffer[] = []
  return (row: number): Buffer => {
    const number = profile.of(row) % PROFILES
    made[number] ??= Buffer.from(
      `${Object.entries(profile.attributes)
        .map(([name, field]) => `,"${name}":${JSON.stringify(field(number))}`)
        .join('')}}`,
    )
    return made[number]
  }
}

export const createTableSource = (table: Table): Source => {
  const written = fieldsOf(table)
  const named = [...written, ...profileFieldsOf(table)]
  const byName = new Map(named)
  const fields = written.map(([name, field], at) => ({ field, opening: `${at === 0 ? '{' : ','}"${name}":` }))
  const endingOf = createEndings(table)

  const writeAttributes = (row: number, out: JsonWriter): void => {
    let text = ''
    for (const { field, opening } of fields) text += opening + jsonText(field(row))
    out.text(text)
    if (endingOf === undefined) out.text('}')
    else out.bytes(endingOf(row))
  }
  const resource = (row: number): Resource => {
    const attributes: Record<string, Json> = {}
    for (const [name, field] of named) attributes[name] = field(row)
    const relationships: Record<string, Relation> = {}
    for (const [name, relation] of Object.entries(table.relationships)) relationships[name] = relation(row)
    return { type: table.type, id: idOf(row), attributes, relationships }
  }
  return {
    size: table.rows,
    nextId: FIRST_ID + table.rows,
    id: idOf,
    row: (id) => rowOf(id, table.rows),
    attribute: (row, name) => byName.get(name)?.(row),
    writeAttributes,
    relation: (row, name) => table.relationships[name]?.(row),
    resource,
    children: (name, id) => {
      const parent = rowOf(id, Number.MAX_SAFE_INTEGER)
      return parent < 0 ? [] : (table.children?.[name]?.(parent) ?? [])
    },
    seconds: (row, name) => table.times?.[name]?.(row),
  }
}
