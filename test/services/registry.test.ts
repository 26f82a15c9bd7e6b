import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type CanonicalEntity, canonicalEntities, canonicalEntity } from '../../topics/canonical.ts'
import { type CanonicalRecord, createCanonicalDecoder, encodeCanonical } from '../../topics/canonical-codec.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { createRegistry, type Registry, subjectOfTopic } from '../../topics/registry.ts'
import { stackAddresses } from './support.ts'

let url: string
let registry: Registry
beforeAll(() => {
  url = stackAddresses().schemaRegistry
  registry = createRegistry(url)
})
afterAll(() => registry.close())

const subjects = () => {
  const topics = topicsWithPrefix(`${randomUUID()}.`)
  return (entity: string) => subjectOfTopic(topics.canonical(entity))
}

const changed = (
  entity: string,
  fields: (schema: CanonicalEntity['schema']) => CanonicalEntity['schema']['fields'],
): CanonicalEntity => {
  const original = canonicalEntity(entity)
  return { ...original, schema: { ...original.schema, fields: fields(original.schema) } }
}

const campus = (fields: Partial<CanonicalRecord>): CanonicalRecord => ({
  id: randomUUID(),
  orgId: 'acme',
  source: 'pco',
  externalId: '1',
  sourceUpdatedAt: null,
  observedAt: 1,
  mappingRevision: 1,
  deletedAt: null,
  customFields: {},
  ...Object.fromEntries(canonicalEntity('campus').columns.map(({ field }) => [field, null])),
  ...fields,
})

describe('registering', () => {
  test('every canonical schema gets an id, the same one when two processes register at once and again later', async () => {
    const subjectOf = subjects()
    const [first, second] = await Promise.all([1, 2].map(() => registry.register(canonicalEntities, subjectOf)))
    const third = await registry.register(canonicalEntities, subjectOf)
    expect([...(first ?? [])].sort()).toEqual([...(second ?? [])].sort())
    expect([...third].sort()).toEqual([...(first ?? [])].sort())
    expect(new Set(third.values()).size).toBe(canonicalEntities.length)
  })

  test('a subject is FULL_TRANSITIVE before its first version', async () => {
    const subjectOf = subjects()
    await registry.register([canonicalEntity('campus')], subjectOf)
    const answer = await fetch(`${url}/config/${encodeURIComponent(subjectOf('campus'))}`)
    expect(await answer.json()).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' })
  })

  test.each([
    [
      'a changed type',
      /campus-value .*field 'name': its type changed from null\|string to int\|null/,
      (schema: CanonicalEntity['schema']) =>
        schema.fields.map((f) => (f.name === 'name' ? { ...f, type: ['null', 'int'] as ['null', 'int'] } : f)),
    ],
    [
      'a field without default',
      /field 'extra': added without a default/,
      (schema: CanonicalEntity['schema']) => [
        ...schema.fields,
        { name: 'extra', type: 'string' as const, doc: 'x', syncline: {} },
      ],
    ],
    [
      'the loss of a field without default',
      /field 'orgId': removed without a default/,
      (schema: CanonicalEntity['schema']) => schema.fields.filter((f) => f.name !== 'orgId'),
    ],
  ])('%s is refused, naming subject, field and rule', async (_, message, fields) => {
    const subjectOf = subjects()
    await registry.register([canonicalEntity('campus')], subjectOf)
    const refused = registry.register([changed('campus', fields)], subjectOf)
    await expect(refused).rejects.toMatchObject({ code: 'incompatible', message: expect.stringMatching(message) })
  })

  test('an added field with a default is taken', async () => {
    const subjectOf = subjects()
    const before = await registry.register([canonicalEntity('campus')], subjectOf)
    const wider = changed('campus', ({ fields }) => [
      ...fields,
      { name: 'extra', type: ['null', 'string'], default: null, doc: 'x', syncline: {} },
    ])
    const after = await registry.register([wider], subjectOf)
    expect(after.get('campus')).not.toBe(before.get('campus'))
  })
})

describe('reading', () => {
  test('a record is read by the schema that wrote it, an older or newer one too', async () => {
    const subjectOf = subjects()
    const narrow = changed('campus', ({ fields }) => fields.filter((f) => f.name !== 'avatarUrl'))
    const id = (await registry.register([narrow], subjectOf)).get('campus') ?? 0
    const now = (await registry.register([canonicalEntity('campus')], subjectOf)).get('campus') ?? 0
    const decoder = createCanonicalDecoder(registry.writerSchema)
    // avatarUrl is the last field but one: bytes of the narrow writer are those of the wide one without its null.
    const record = campus({ name: 'North' })
    const wide = encodeCanonical('campus', now, record)
    const avatar = canonicalEntity('campus').schema.fields.findIndex((f) => f.name === 'avatarUrl')
    expect(avatar).toBe(canonicalEntity('campus').schema.fields.length - 2)
    const older = Buffer.concat([wide.subarray(0, -1)])
    older.writeUInt32BE(id, 1)
    await decoder.prepare([wide, older])
    expect({ ...decoder.decode('campus', wide) }).toEqual(record)
    expect({ ...decoder.decode('campus', older) }).toEqual(record)
  })

  test('an id that the registry does not have is a poison record, not a crash', async () => {
    const decoder = createCanonicalDecoder(registry.writerSchema)
    const message = encodeCanonical('campus', 2_000_000_000, campus({}))
    await decoder.prepare([message])
    expect(() => decoder.decode('campus', message)).toThrow(expect.objectContaining({ code: 'invalid-record' }))
  })
})

test('a schema that is no record is poison to the reader and no outage', async () => {
  const post = async (body: { schema: string }): Promise<number> => {
    const answer = await fetch(`${url}/subjects/${randomUUID()}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify(body),
    })
    return z.object({ id: z.int() }).parse(await answer.json()).id
  }
  const ids = await Promise.all([
    post({ schema: '"string"' }),
    post({ schema: JSON.stringify({ type: 'enum', name: `E${Date.now()}`, symbols: ['A'] }) }),
  ])
  const decoder = createCanonicalDecoder(registry.writerSchema)
  const messages = ids.map((id) => encodeCanonical('campus', id, campus({})))
  await decoder.prepare(messages)
  for (const message of messages) {
    expect(() => decoder.decode('campus', message)).toThrow(expect.objectContaining({ code: 'invalid-record' }))
  }
})

describe('a registry that is away', () => {
  let silent: Server
  beforeAll(
    () =>
      new Promise<void>((resolve) => {
        silent = createServer(() => undefined).listen(0, '127.0.0.1', resolve)
      }),
  )
  afterAll(() => {
    silent.closeAllConnections()
    silent.close()
  })

  test('is unavailable when nothing listens', async () => {
    const away = createRegistry('http://127.0.0.1:9')
    await expect(away.register(canonicalEntities, subjects())).rejects.toMatchObject({ code: 'unavailable' })
    await expect(away.writerSchema(1)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('is unavailable when something before it says 404, which it would say in its own words', async () => {
    const proxy = createServer((_, response) => response.writeHead(404, { 'content-type': 'application/json' }).end('{}'))
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.address() as AddressInfo
    const behind = createRegistry(`http://127.0.0.1:${port}`)
    await expect(behind.register(canonicalEntities, subjects())).rejects.toMatchObject({ code: 'unavailable' })
    await expect(behind.writerSchema(1)).rejects.toMatchObject({ code: 'unavailable' })
    behind.close()
    proxy.closeAllConnections()
    proxy.close()
  })

  test('is unavailable when it accepts and never answers', async () => {
    const { port } = silent.address() as AddressInfo
    const mute = createRegistry(`http://127.0.0.1:${port}`)
    await expect(mute.register(canonicalEntities, subjects())).rejects.toMatchObject({ code: 'unavailable' })
    await expect(mute.writerSchema(1)).rejects.toMatchObject({ code: 'unavailable' })
    mute.close()
  })
})
