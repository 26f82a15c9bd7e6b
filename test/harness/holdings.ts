// Where an installation holds a text: in the values and headers of its topics, and in any column of its tables, bytes included.
import { createKafka } from '../../platform/kafka/client.ts'
import { withLook } from '../../platform/kafka/look.ts'
import { scanTopic } from '../../platform/kafka/scan.ts'
import { silentLogger } from '../../platform/logger.ts'
import type { Pool } from '../../platform/postgres.ts'

export interface Searched {
  readonly pool: Pool
  readonly prefix: string
  readonly brokers: string
}

/** Names of all topics and tables that have `text`, sorted. */
export const placesWith = async (searched: Searched, text: string): Promise<readonly string[]> =>
  [...(await topicsWith(searched, text)), ...(await tablesWith(searched.pool, text))].toSorted()

const topicsWith = async ({ brokers, prefix }: Searched, text: string): Promise<readonly string[]> => {
  const kafka = createKafka({ brokers: [brokers], clientId: 'test', log: silentLogger })
  const admin = kafka.admin()
  await admin.connect()
  const topics = (await admin.listTopics().finally(() => admin.disconnect())).filter((topic) => topic.startsWith(prefix))
  const found = new Set<string>()
  await withLook(kafka, async (look) => {
    for (const topic of topics)
      await scanTopic(look, { topic, sinceMs: undefined }, async (_, messages) => {
        const has = ({ key, value, headers }: (typeof messages)[number]) =>
          value?.includes(text) || key?.includes(text) || JSON.stringify(headers).includes(text)
        if (messages.some(has)) found.add(topic.slice(prefix.length))
      })
  })
  return [...found]
}

const tablesWith = async (pool: Pool, text: string): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('sync', 'canonical')`,
  )
  const hex = Buffer.from(text).toString('hex')
  const found: string[] = []
  for (const { name } of rows) {
    const { rowCount } = await pool.query(
      `select from ${name} t where strpos(t::text, $1) > 0 or strpos(t::text, $2) > 0 limit 1`,
      [text, hex],
    )
    if (rowCount !== 0) found.push(name)
  }
  return found
}
