// A client that knows as much of the API as a test needs: one request, and a walk over every page.
import { z } from 'zod'
import type { EntityName } from '../../../simulator/catalogue/spec.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../../simulator/simulator.ts'

const ref = z.object({ type: z.string(), id: z.string() })
const resource = z.object({
  type: z.string(),
  id: z.string(),
  attributes: z.record(z.string(), z.unknown()),
  relationships: z.record(z.string(), z.object({ data: z.union([ref, z.array(ref), z.null()]) })).optional(),
  links: z.looseObject({ self: z.string() }),
})
const offset = z.object({ offset: z.number() })
const page = z.object({
  links: z.object({ self: z.string(), next: z.string().optional(), prev: z.string().optional() }),
  data: z.array(resource),
  included: z.array(resource),
  meta: z.object({
    total_count: z.number(),
    count: z.number(),
    next: offset.optional(),
    prev: offset.optional(),
    can_order_by: z.array(z.string()),
    can_query_by: z.array(z.string()),
    can_include: z.array(z.string()),
    parent: ref,
  }),
})
const single = z.object({ data: resource, included: z.array(resource), meta: z.object({ parent: ref }) })

export type Resource = z.output<typeof resource>
export type Page = z.output<typeof page>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export interface RequestOptions {
  readonly method?: string
  readonly authorization?: string | null
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const basic = (token: string): string => `Basic ${Buffer.from(token).toString('base64')}`

export const request = async (simulator: Simulator, path: string, options: RequestOptions = {}): Promise<Answer> => {
  const authorization = options.authorization === undefined ? basic(simulator.personalToken) : options.authorization
  const response = await fetch(path.startsWith('http') ? path : simulator.url + path, {
    method: options.method ?? 'GET',
    headers: { ...(authorization === null ? {} : { authorization }), ...options.headers },
    ...(options.body === undefined
      ? {}
      : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

export const getPage = async (simulator: Simulator, path: string): Promise<Page> => {
  const { status, body } = await request(simulator, path)
  if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`)
  return page.parse(body)
}

export const getOne = async (simulator: Simulator, path: string): Promise<z.output<typeof single>> =>
  single.parse((await request(simulator, path)).body)

/** Every record of a list, by following `next`. */
export const walk = async (simulator: Simulator, path: string): Promise<Resource[]> => {
  const found: Resource[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    const got: Page = await getPage(simulator, next)
    found.push(...got.data)
    next = got.links.next
  }
  return found
}

export const withSimulator = async (options: SimulatorOptions, use: (simulator: Simulator) => Promise<void>): Promise<void> => {
  const simulator = await startSimulator(options)
  try {
    await use(simulator)
  } finally {
    await simulator.close()
  }
}

const LISTS: readonly [EntityName, string][] = [
  ['campus', '/people/v2/campuses'],
  ['household', '/people/v2/households'],
  ['person', '/people/v2/people'],
  ['address', '/people/v2/addresses'],
  ['email', '/people/v2/emails'],
  ['phone-number', '/people/v2/phone_numbers'],
  ['group', '/groups/v2/groups'],
  ['event', '/groups/v2/events'],
  ['person-merger', '/people/v2/person_mergers'],
]

/** Everything that the API shows, by entity and id, in the form of the model. */
export const walkAll = async (simulator: Simulator): Promise<Map<EntityName, unknown[]>> => {
  const all = new Map<EntityName, unknown[]>()
  for (const [entity, path] of LISTS) {
    const rows = await walk(simulator, `${path}?per_page=100`)
    all.set(
      entity,
      rows.map(({ links: _, ...row }) => row),
    )
  }
  for (const [entity, parents, segment, relationship, type] of [
    ['household-membership', '/people/v2/households', 'household_memberships', 'household', 'Household'],
    ['group-membership', '/groups/v2/groups', 'memberships', 'group', 'Group'],
  ] as const) {
    const rows: Omit<Resource, 'links'>[] = []
    for (const parent of await walk(simulator, `${parents}?per_page=100`)) {
      for (const { links: _, ...row } of await walk(simulator, `${parents}/${parent.id}/${segment}?per_page=100`)) {
        rows.push({ ...row, relationships: { ...row.relationships, [relationship]: { data: { type, id: parent.id } } } })
      }
    }
    all.set(
      entity,
      rows.toSorted((a, b) => Number(a.id) - Number(b.id)),
    )
  }
  return all
}
