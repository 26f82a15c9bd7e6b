// F11: what cannot be read, at each stage: records that the vendor serves damaged, and messages on canonical topics that are none.
import { isDeepStrictEqual } from 'node:util'
import { createKafka } from '../../../platform/kafka/client.ts'
import { createProducer } from '../../../platform/kafka/producer.ts'
import { createReadAt } from '../../../platform/kafka/read-at.ts'
import { silentLogger } from '../../../platform/logger.ts'
import type { EntityName } from '../../../simulator/catalogue/spec.ts'
import type { Mutation } from '../../../simulator/mutation.ts'
import type { Json } from '../../../simulator/resource.ts'
import { decodeDeadLetter, KEPT_BYTES, sha256Of } from '../../../topics/dead-letters.ts'
import { CANONICAL_PARTITIONS, topicsWithPrefix } from '../../../topics/list.ts'
import type { Dead, FaultCase } from '../case.ts'
import type { Lab } from '../lab.ts'
import type { Scene } from '../scene.ts'

type Corrupt = Extract<Mutation, { op: 'corrupt' }>
type Corruption = Omit<Corrupt, 'op' | 'id'> & { readonly code: Dead['code'] }

/** Each makes a record one that cannot be mapped. Nothing hangs below these: their neighbours must all arrive. */
const CORRUPTIONS: readonly Corruption[] = [
  { entity: 'email', attributes: { primary: 'perhaps' }, code: 'invalid-record' },
  { entity: 'email', attributes: { created_at: '10000-01-01T00:00:00Z' }, code: 'invalid-record' },
  { entity: 'email', attributes: { address: 2 ** 53 + 2 }, code: 'invalid-record' },
  { entity: 'email', attributes: { address: {} }, code: 'invalid-record' },
  { entity: 'email', omit: ['attributes'], code: 'invalid-record' },
  { entity: 'email', omit: ['id'], code: 'missing-id' },
  { entity: 'event', attributes: { visitors_count: 2 ** 53 + 2 }, code: 'invalid-record' },
  { entity: 'event', attributes: { visitors_count: 'NaN' }, code: 'invalid-record' },
]

/** Received, and above what a message of a canonical topic holds. */
const LONG: Corruption = { entity: 'email', attributes: { location: 'x'.repeat(2 ** 20) }, code: 'too-large' }

/** It could be a record of anything that the page carries: its letter is of the page's own entity. */
const UNTYPED: Corruption = { entity: 'email', omit: ['type'], code: 'unreadable' }

/** What its list is walked by cannot be read. */
const NOWHERE: Corruption = { entity: 'campus', attributes: { created_at: 'yesterday' }, code: 'invalid-record' }

/** Above the cap of an answer: it cannot be received, and so has no id. */
const OVERSIZED: Corruption = { entity: 'event', attributes: { description: 'x'.repeat(5 * 2 ** 20) }, code: 'too-large' }

type Attributes = Readonly<Record<string, Json>>
/** Odd records in a run. */
const ODD_RECORDS = 8

/** What cannot be stored as it is, and is stored all the same: U+FFFD in place of what PostgreSQL cannot hold; large texts whole. */
const LARGE: Attributes = { location: 'x'.repeat(950_000) }
const ODDITIES: readonly Attributes[] = [
  { location: 'nul\u0000' },
  { carrier: 'lone\ud800' },
  LARGE,
  { unknown: { 'k\u0000': ['\udfff'] } },
]

/** Picks so many records of an entity, none twice, spread over all of them. */
const spread = (scene: Scene, entity: EntityName, count: number): readonly string[] => {
  const ids = [...scene.simulator.model.rows(entity)].map(({ id }) => id)
  if (ids.length < count) throw new Error(`There are ${ids.length} of ${entity}, not ${count}`)
  return Array.from({ length: count }, (_, n) => ids[Math.floor(((n + scene.random()) * ids.length) / count)] ?? '')
}

/** In turns damaged in each way; and as many that are odd and no more. */
const poison = async (scene: Scene): Promise<readonly Dead[]> => {
  const { simulator, size } = scene
  const special = [OVERSIZED, LONG, LONG, UNTYPED, NOWHERE]
  const chosen = [...special, ...Array.from({ length: size.faults }, (_, n) => CORRUPTIONS[n % CORRUPTIONS.length])]
  const dead = (['campus', 'email', 'event'] as const).flatMap((entity) => {
    const corruptions = chosen.filter((corruption) => corruption?.entity === entity)
    return spread(scene, entity, corruptions.length).flatMap((id, n): Dead[] => {
      const corruption = corruptions[n]
      if (corruption === undefined) return []
      const { code, ...how } = corruption
      simulator.mutate({ op: 'corrupt', id, ...how })
      scene.struck(`${entity} ${id}`)
      const isNameless = corruption === OVERSIZED || corruption.code === 'missing-id'
      if (corruption === UNTYPED) return [{ entity: 'person', externalId: null, code }]
      return [{ entity, externalId: isNameless ? null : id, code }]
    })
  })
  for (const [n, id] of spread(scene, 'phone-number', ODD_RECORDS).entries()) {
    simulator.mutate({ op: 'update', entity: 'phone-number', id, attributes: ODDITIES[n % ODDITIES.length] ?? {} })
  }
  return dead
}

const kafkaOf = ({ installation }: Lab) =>
  createKafka({ brokers: [installation.env['SYNCLINE_KAFKA_BROKERS'] ?? ''], clientId: 'faults', log: silentLogger })

const RUBBISH = [
  Buffer.from('not avro'),
  Buffer.from([1, 0, 0, 0, 1, 2, 3]),
  Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 2, 3]),
  Buffer.from([0, 0, 0, 0, 1, 0x80]),
  null,
]

/** Messages without origin that no sink can read: they must stop nobody. */
const produceRubbish = async ({ lab }: Scene): Promise<void> => {
  const producer = createProducer(kafkaOf(lab))
  await producer.connect()
  const messages = RUBBISH.map((value, n) => ({ key: `rubbish-${n}`, value, headers: {} }))
  const topic = topicsWithPrefix(lab.installation.prefix).canonical('person')
  await producer.send([{ topic, partitions: CANONICAL_PARTITIONS, messages }])
  await producer.disconnect()
}

/** The model says what is mapped; that it says U+FFFD is not left to it. */
const replaced = async ({ lab, org }: Scene): Promise<string | undefined> => {
  const { rows } = await lab.pool.query<{ n: number }>(
    `select count(*)::int as n from canonical.phone_number
     where org_id = $1 and (location = $2 or carrier = $3 or custom_fields = $4::jsonb)`,
    [org, 'nul\ufffd', 'lone\ufffd', JSON.stringify({ unknown: { 'k\ufffd': ['\ufffd'] } })],
  )
  const wanted = Array.from({ length: ODD_RECORDS }, (_, n) => ODDITIES[n % ODDITIES.length]).filter(
    (odd) => odd !== LARGE,
  ).length
  return rows[0]?.n === wanted ? undefined : `${rows[0]?.n} of ${wanted} records have U+FFFD where nothing else can stand`
}

/** The letter of a record above the cap has its beginning, and size and hash of what was read: the vendor is asked again. */
const beginningKept = async ({ lab, org, simulator }: Scene): Promise<string | undefined> => {
  const { rows } = await lab.pool.query<{ topic: string; partition: number; offset: string }>(
    `select topic, partition, "offset" from sync.dead_letters where org_id = $1 and stage = 'fetch'`,
    [org],
  )
  const places = rows.map(({ offset, ...place }) => ({ ...place, offset: BigInt(offset) }))
  const messages = await createReadAt(kafkaOf(lab))(places)
  if (messages.size === 0) return 'the record above the cap has no letter'
  for (const { value, headers } of messages.values()) {
    const { request, cut } = decodeDeadLetter(headers)
    const authorization = `Basic ${Buffer.from(simulator.personalToken).toString('base64')}`
    const response = await fetch(`${simulator.url}${request}`, { headers: { authorization } })
    const whole = Buffer.from(await response.arrayBuffer())
    const read = { readBytes: cut?.readBytes ?? 0, fullBytes: whole.length, sha256: sha256Of(whole.subarray(0, cut?.readBytes)) }
    if (value?.equals(whole.subarray(0, KEPT_BYTES)) !== true) return 'a letter has not the first 64 KiB of its record'
    if (!isDeepStrictEqual(cut, read)) return `a letter says ${JSON.stringify(cut)} of what is ${JSON.stringify(read)}`
  }
  return undefined
}

export const poisonCases: readonly FaultCase[] = [
  {
    id: 'F11/poison',
    ci: { records: 4_000, faults: 16 },
    long: { records: 200_000, faults: 2_000 },
    ends: 'complete_with_exceptions',
    besides: { M1: replaced, M3: beginningKept },
    prepare: poison,
    strike: async (scene) => {
      await scene.untilLanded(0.2)
      await produceRubbish(scene)
      scene.struck('rubbish on a canonical topic')
    },
  },
]
