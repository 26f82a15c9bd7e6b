// A list of records that have nothing but attributes: one page of it, ordered and filtered by equality as the query says.
import { type Answer, resourceAnswer } from './answer.ts'
import type { ListDrift } from './drift.ts'
import type { Json } from './resource.ts'

type Attributes = Readonly<Record<string, Json>>

const compare = (a: Json | undefined, b: Json | undefined): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return String(a ?? '') < String(b ?? '') ? -1 : 1
}

const ordered = (rows: readonly (readonly [id: string, of: Attributes])[], order: string | null, known: readonly string[]) => {
  const name = order?.replace(/^-/, '') ?? ''
  if (!known.includes(name)) return rows
  const sign = order?.startsWith('-') === true ? -1 : 1
  return rows.toSorted(([, a], [, b]) => sign * compare(a[name], b[name]))
}

export const listAnswer = ({ type, path, attributes, order, query }: ListDrift, { searchParams }: URL): Answer => {
  const wanted = query.flatMap((name) => {
    const value = searchParams.get(`where[${name}]`)
    return value === null ? [] : [{ name, value }]
  })
  const all = attributes.map((of, index) => [String(index + 1), of] as const)
  const found = all.filter(([, of]) => wanted.every(({ name, value }) => String(of[name] ?? '') === value))
  const from = Number(searchParams.get('offset') ?? 0)
  const rows = ordered(found, searchParams.get('order'), order).slice(from, from + Number(searchParams.get('per_page') ?? 25))
  const data = rows.map(([id, of]) => ({ type, id, attributes: of, relationships: {}, links: { self: `${path}/${id}` } }))
  const parent = { type: 'Organization', id: '1' }
  const meta = {
    total_count: found.length,
    count: rows.length,
    can_order_by: order,
    can_query_by: query,
    can_include: [],
    parent,
  }
  return resourceAnswer(200, Buffer.from(JSON.stringify({ links: { self: path }, data, included: [], meta })))
}
