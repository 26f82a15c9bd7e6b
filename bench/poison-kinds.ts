// The kinds of poison that the flood is made of: how each gets into an installation, and at which place it must die.
import { createKafka } from '../platform/kafka/client.ts'
import { createProducer } from '../platform/kafka/producer.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { silentLogger } from '../platform/logger.ts'
import type { Mutation } from '../simulator/mutation.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { Installation } from '../test/harness/installation.ts'
import { canonicalEntities, canonicalEntity } from '../topics/canonical.ts'
import { type CanonicalRecord, encodeCanonical } from '../topics/canonical-codec.ts'
import { CANONICAL_PARTITIONS, topicsWithPrefix } from '../topics/list.ts'
import { createRegistry, subjectOfTopic } from '../topics/registry.ts'

type Corruption = NonNullable<Extract<Mutation, { op: 'corrupt' }>['attributes']>

export interface Kind {
  readonly name: string
  /** Damages the n-th of the bad people at the vendor. Absent: the bad ones are messages besides the vendor's people. */
  readonly corruption?: (n: number) => Corruption
  /** Bad messages on the canonical topic of people; `ours`: the id of their schema. */
  readonly message?: (n: number, ours: number) => OutgoingMessage
  /** Prepares the table of people. */
  readonly ddl?: string
}

const MARK = 'poison'

/** A person of no run; the same for the same `n`. */
export const personOf = (n: number, over: Readonly<Record<string, string | number>>): CanonicalRecord => ({
  ...Object.fromEntries(canonicalEntity('person').columns.map(({ field }) => [field, null])),
  id: `00000000-0000-5000-8000-${String(n).padStart(12, '0')}`,
  orgId: 'acme',
  source: 'pco',
  externalId: `bad-${n}`,
  sourceUpdatedAt: 1_700_000_000_000,
  observedAt: 1_760_000_000_000,
  mappingRevision: 1,
  deletedAt: null,
  customFields: {},
  ...over,
})

const keyed = (n: number, value: Buffer): OutgoingMessage => ({ key: `bad-${n}`, value, headers: {} })

const unmappable: readonly Corruption[] = [
  { birthdate: { not: 'a day' } },
  { child: 'perhaps' },
  { anniversary: '10000-01-01' },
  { first_name: {} },
]

const unreadable = (n: number, ours: number): Buffer => {
  const whole = encodeCanonical('person', ours, personOf(n, { name: `Some Name ${n}` }))
  if (n % 3 === 0) return whole.subarray(0, whole.length - 7)
  if (n % 3 === 1) whole[0] = 0x7f
  else whole.writeUInt32BE(1_000_000 + n, 1)
  return whole
}

const unholdable: readonly Readonly<Record<string, string | number>>[] = [
  { directorySharedInfo: '{"a":' },
  { directorySharedInfo: '1e999999' },
  { birthdate: -99_999_999 },
  { createdAt: -300_000_000_000_000 },
  { orgId: 'x'.repeat(3_000) },
]

export const KINDS: readonly Kind[] = [
  { name: 'clean' },
  { name: 'unmappable', corruption: (n) => unmappable[n % unmappable.length] ?? {} },
  { name: 'unreadable', message: (n, ours) => keyed(n, unreadable(n, ours)) },
  {
    name: 'unholdable',
    message: (n, ours) => keyed(n, encodeCanonical('person', ours, personOf(n, unholdable[n % unholdable.length] ?? {}))),
  },
  {
    name: 'violates-check',
    corruption: () => ({ nickname: MARK }),
    ddl: `alter table canonical.person add constraint no_poison check (nickname <> '${MARK}')`,
  },
  {
    name: 'refused-by-trigger',
    corruption: () => ({ nickname: MARK }),
    ddl: `create function canonical.no_poison() returns trigger language plpgsql as $$
      begin
        if new.nickname = '${MARK}' then raise exception using errcode = 'check_violation'; end if;
        return new;
      end $$;
      create trigger no_poison before insert or update on canonical.person for each row execute function canonical.no_poison()`,
  },
]

/** Damages every so many-th of the people, `count` in all. */
export const corruptPeople = ({ model, mutate }: Simulator, count: number, corruption: (n: number) => Corruption): void => {
  if (count === 0) return
  const ids = Array.from(model.rows('person'), ({ id }) => id)
  const step = ids.length / count
  for (let n = 0; n < count; n++) {
    const id = ids[Math.floor(n * step)]
    if (id !== undefined) mutate({ op: 'corrupt', entity: 'person', id, attributes: corruption(n) })
  }
}

/** Makes the bad messages, so that `send` only sends: it resolves when all are on their topic. */
export const badMessages = async (
  { env, prefix }: Installation,
  count: number,
  messageOf: NonNullable<Kind['message']>,
): Promise<{ send: () => Promise<void> }> => {
  const topics = topicsWithPrefix(prefix)
  const registry = createRegistry(env['SYNCLINE_SCHEMA_REGISTRY_URL'] ?? '')
  const ids = await registry.register(canonicalEntities, (entity) => subjectOfTopic(topics.canonical(entity)))
  registry.close()
  const messages = Array.from({ length: count }, (_, n) => messageOf(n, ids.get('person') ?? -1))
  const kafka = createKafka({ brokers: [env['SYNCLINE_KAFKA_BROKERS'] ?? ''], clientId: 'bench', log: silentLogger })
  const producer = createProducer(kafka)
  await producer.connect()
  return {
    send: async () => {
      await producer.send([{ topic: topics.canonical('person'), partitions: CANONICAL_PARTITIONS, messages }])
      await producer.disconnect()
    },
  }
}
