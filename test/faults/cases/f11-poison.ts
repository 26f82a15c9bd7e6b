// F11: what cannot be read, at each stage: records that the vendor serves damaged, and messages on canonical topics that are none.
import { createKafka } from '../../../platform/kafka/client.ts'
import { createProducer } from '../../../platform/kafka/producer.ts'
import { silentLogger } from '../../../platform/logger.ts'
import type { Mutation } from '../../../simulator/mutation.ts'
import { CANONICAL_PARTITIONS, topicsWithPrefix } from '../../../topics/list.ts'
import type { Dead, FaultCase } from '../case.ts'
import type { Scene } from '../scene.ts'

type Corruption = Omit<Extract<Mutation, { op: 'corrupt' }>, 'op' | 'entity' | 'id'>

/** Each makes an e-mail address one that cannot be mapped. Nothing hangs below it: its neighbours must all arrive. */
const CORRUPTIONS: readonly Corruption[] = [
  { attributes: { primary: 'perhaps' } },
  { attributes: { created_at: '10000-01-01T00:00:00Z' } },
  { attributes: { address: 2 ** 53 + 2 } },
  { attributes: { address: {} } },
  { omit: ['attributes'] },
  { omit: ['id'] },
]

/** Spread over all addresses, in turns damaged in each way. */
const corrupt = async (scene: Scene): Promise<readonly Dead[]> => {
  const ids = [...scene.simulator.model.rows('email')].map(({ id }) => id)
  const dead: Dead[] = []
  for (let n = 0; n < scene.size.faults; n++) {
    const id = ids[Math.floor(((n + scene.random()) * ids.length) / scene.size.faults)]
    const corruption = CORRUPTIONS[n % CORRUPTIONS.length]
    if (id === undefined || corruption === undefined) continue
    scene.simulator.mutate({ op: 'corrupt', entity: 'email', id, ...corruption })
    dead.push({ entity: 'email', externalId: corruption.omit?.includes('id') ? null : id })
    scene.struck(`email ${id}`)
  }
  return dead
}

const RUBBISH = [
  Buffer.from('not avro'),
  Buffer.from([1, 0, 0, 0, 1, 2, 3]),
  Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 2, 3]),
  Buffer.from([0, 0, 0, 0, 1, 0x80]),
  null,
]

/** Messages without origin that no sink can read: they must stop nobody. */
const produceRubbish = async ({ lab }: Scene): Promise<void> => {
  const producer = createProducer(
    createKafka({ brokers: [lab.installation.env['SYNCLINE_KAFKA_BROKERS'] ?? ''], clientId: 'faults', log: silentLogger }),
  )
  await producer.connect()
  const messages = RUBBISH.map((value, n) => ({ key: `rubbish-${n}`, value, headers: {} }))
  const topic = topicsWithPrefix(lab.installation.prefix).canonical('person')
  await producer.send([{ topic, partitions: CANONICAL_PARTITIONS, messages }])
  await producer.disconnect()
}

export const poisonCases: readonly FaultCase[] = [
  {
    id: 'F11/poison',
    ci: { records: 4_000, faults: 12 },
    long: { records: 200_000, faults: 400 },
    ends: 'complete_with_exceptions',
    prepare: corrupt,
    strike: async (scene) => {
      await scene.untilLanded(0.2)
      await produceRubbish(scene)
      scene.struck('rubbish on a canonical topic')
    },
  },
]
