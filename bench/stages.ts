// W2 and W3: one stage alone, on a backlog. People are synced once by all roles; then the processors take the raw pages again (W3), and
// the sink what they produced, into an empty table (W2) and over rows that are all older. The table must be the same each time, to the
// last attribute, so the processors' output is checked by what the sink makes of it.
import { openTopicRecords, type TopicRecords } from '../test/harness/topic-records.ts'
import { until } from '../test/harness/until.ts'
import { topicsWithPrefix } from '../topics/list.ts'
import { startMeter } from './meter.ts'
import { type Site, WITHIN_MS, withSite } from './site.ts'
import { type Bench, type Figures, type Row, sized, type Work } from './work.ts'

const PEOPLE = 500_000
/** Where the first batch is a larger part of all, the whole process is timed. */
const FIRST_SHARE = 0.1

/** A record at the seam of two walks comes twice: the order in which they land decides when its row was observed, and nothing else. */
const content = async ({ installation: { pool } }: Site): Promise<string> => {
  const { rows } = await pool.query<{ content: string }>(
    `select count(*) || ' rows, ' || md5(string_agg(md5((to_jsonb(p) - 'observed_at')::text), '' order by id)) as content from canonical.person p`,
  )
  return rows[0]?.content ?? ''
}

/** Every row differs from its record and is older. */
const age = async ({ installation: { pool } }: Site): Promise<void> => {
  await pool.query(
    `update canonical.person set content_hash = md5(id::text)::uuid, first_name = 'older', nickname = null,
       source_updated_at = source_updated_at - interval '1 day', observed_at = observed_at - interval '1 day'`,
  )
  await pool.query('vacuum analyze canonical.person')
}

interface Backlog {
  readonly role: 'process' | 'sink'
  readonly records: number
  /** Records that are through, committed or on their topic. */
  readonly done: () => Promise<number>
  /** All of them are, and nothing of it would be done again. */
  readonly isCommitted: () => Promise<boolean>
}

/** From the first record seen to the last one committed, as an outside watcher sees it; CPU with the start of the process. */
const drain = async (site: Site, { role, records, done, isCommitted }: Backlog): Promise<Figures> => {
  const meter = startMeter(site.servers)
  const startedAt = performance.now()
  const worker = site.worker(role)
  let first = 0
  const hasBegun = async () => {
    first = await done()
    return first > 0
  }
  await until(`the ${role} role has begun`, hasBegun, WITHIN_MS)
  const firstAt = performance.now()
  await until(`the ${role} role is through`, isCommitted, WITHIN_MS)
  const endedAt = performance.now()
  const isWhole = first > records * FIRST_SHARE
  const seconds = (endedAt - (isWhole ? startedAt : firstAt)) / 1_000
  const figures = meter.read([worker.pid], records, seconds)
  await worker.stop()
  return {
    ...figures,
    'records/s': Math.round((isWhole ? records : records - first) / seconds),
    timed: isWhole ? 'with its start' : 'from the first batch on',
  }
}

const measure = async (bench: Bench, site: Site, logs: TopicRecords): Promise<{ w2: readonly Row[]; w3: readonly Row[] }> => {
  const topics = topicsWithPrefix(site.installation.prefix)
  const [raw, canonical] = [topics.raw('pco'), topics.canonical('person')]
  const [processors, sinks] = [topics.group('process'), topics.group('sink')]
  const { pool } = site.installation

  const worker = site.worker('all')
  await site.sync('person')
  await worker.stop()
  const loaded = await content(site)
  const people = sized(PEOPLE, bench)
  if (!loaded.startsWith(`${people} rows`)) throw new Error(`Of ${people} people there are ${loaded}`)
  const ends = await logs.ends(canonical)
  const records = Number(await logs.produced(canonical))

  await logs.rewind(processors, raw)
  const pages = await logs.produced(raw)
  const process = await drain(site, {
    ...{ role: 'process', records },
    done: async () => Number(await logs.produced(canonical)) - records,
    isCommitted: async () => (await logs.committed(processors, raw)) === pages,
  })
  const produced = Number(await logs.produced(canonical)) - records
  if (produced !== records) throw new Error(`The processors produced ${produced} records of ${records}`)

  const before = BigInt(records)
  const merge = async (pass: string): Promise<Row> => {
    const figures = await drain(site, {
      ...{ role: 'sink', records },
      done: async () => Number((await logs.committed(sinks, canonical)) - before),
      isCommitted: async () => (await logs.committed(sinks, canonical)) === 2n * before,
    })
    const now = await content(site)
    if (now !== loaded) throw new Error(`The tables are not the same: ${now} instead of ${loaded}`)
    return { pass, figures }
  }
  await pool.query('truncate canonical.person cascade')
  const insert = await merge('insert')
  await age(site)
  await logs.rewind(sinks, canonical, ends)
  const update = await merge('update of every row')
  return { w2: [insert, update], w3: [{ pass: 'one processor', figures: process }] }
}

const stages = (bench: Bench) =>
  withSite(bench, sized(PEOPLE, bench), async (site) => {
    const logs = await openTopicRecords(bench.stack.addresses.kafka)
    return measure(bench, site, logs).finally(() => logs.close())
  })

export const topicToTables: Work = {
  name: 'W2',
  title: 'Canonical topic → tables: people in Avro, the sink role alone',
  run: async (bench) => (await stages(bench)).w2,
}

export const rawToCanonical: Work = {
  name: 'W3',
  title: 'Raw → canonical: pages of people, the process role alone',
  run: async (bench) => (await stages(bench)).w3,
}
