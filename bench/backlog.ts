// One stage alone on a backlog. People are synced once by all roles; then processors take the raw pages again, and sinks what they
// produced, into an empty table or over rows that are all older. The table must be the same each time, to the last attribute, so the
// processors' output is checked by what sinks make of it.
import { openTopicRecords } from '../test/harness/topic-records.ts'
import { topicsWithPrefix } from '../topics/list.ts'
import { startMeter } from './meter.ts'
import { startSimulator } from './simulator-process.ts'
import { type Site, sync, whileAlive, withOrganisation } from './site.ts'
import type { Bench, Figures } from './work.ts'

/** Where the first batch is a larger part of all, the whole process is timed. */
const FIRST_SHARE = 0.1

export interface Backlog {
  /** All raw pages to their canonical topic, by so many workers. */
  process(workers: number): Promise<Figures>
  /** What the processors made of them last, into an empty table. */
  insert(workers: number): Promise<Figures>
  /** The same, over rows that are all older. */
  update(workers: number): Promise<Figures>
}

interface Drained {
  readonly role: 'process' | 'sink'
  readonly workers: number
  readonly records: number
  /** Records that are through, committed or on their topic. */
  readonly done: () => Promise<number>
  /** All of them are, and nothing of it would be done again. */
  readonly isCommitted: () => Promise<boolean>
}

/** From the first record seen to the last one committed, as an outside watcher sees it; CPU with the start of the processes. */
const drain = async (site: Site, { role, workers, records, done, isCommitted }: Drained): Promise<Figures> => {
  const meter = startMeter(site.servers)
  const startedAt = performance.now()
  const started = Array.from({ length: workers }, () => site.worker(role))
  let first = 0
  const hasBegun = async () => {
    first = await done()
    return first > 0
  }
  await whileAlive(started, `the ${role} role has begun`, hasBegun)
  const firstAt = performance.now()
  await whileAlive(started, `the ${role} role is through`, isCommitted)
  const endedAt = performance.now()
  const isWhole = first > records * FIRST_SHARE
  const seconds = (endedAt - (isWhole ? startedAt : firstAt)) / 1_000
  const pids = started.map(({ pid }) => pid)
  const figures = meter.read(pids, records, seconds)
  await Promise.all(started.map((worker) => worker.stop()))
  return {
    ...figures,
    'records/s': Math.round((isWhole ? records : records - first) / seconds),
    timed: isWhole ? 'with its start' : 'from the first batch on',
  }
}

/** A record at the seam of two walks comes twice: the order in which they land decides when its row was observed, and nothing else. */
const content = async ({ installation: { pool } }: Site): Promise<string> => {
  const { rows } = await pool.query<{ content: string }>(
    `select count(*) || ' rows, ' || md5(string_agg(md5((to_jsonb(p) - 'observed_at')::text), '' order by id)) as content
     from canonical.person p`,
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

export const withBacklog = async <T>(bench: Bench, people: number, work: (backlog: Backlog) => Promise<T>): Promise<T> =>
  withOrganisation(bench, await startSimulator({ people }), async (site) => {
    const logs = await openTopicRecords(bench.stack.addresses.kafka)
    const topics = topicsWithPrefix(site.installation.prefix)
    const [raw, canonical] = [topics.raw('pco'), topics.canonical('person')]
    const [processors, sinks] = [topics.group('process'), topics.group('sink')]
    const produced = async () => Number(await logs.produced(canonical))

    const worker = site.worker('all')
    await sync(site, worker, 'person')
    await worker.stop()
    const loaded = await content(site)
    if (!loaded.startsWith(`${people} rows`)) throw new Error(`Of ${people} people there are ${loaded}`)
    const [pages, records] = [await logs.produced(raw), await produced()]
    /** What the sinks have still to take, from here on. */
    let begin = await logs.ends(canonical)

    const merge = async (workers: number): Promise<Figures> => {
      await logs.rewind(sinks, canonical, begin)
      const [from, to] = [await logs.committed(sinks, canonical), await logs.produced(canonical)]
      const figures = await drain(site, {
        ...{ role: 'sink', workers, records },
        done: async () => Number((await logs.committed(sinks, canonical)) - from),
        isCommitted: async () => (await logs.committed(sinks, canonical)) === to,
      })
      const now = await content(site)
      if (now !== loaded) throw new Error(`The table is not the same: ${now} instead of ${loaded}`)
      return figures
    }

    const backlog: Backlog = {
      process: async (workers) => {
        begin = await logs.ends(canonical)
        await logs.rewind(processors, raw)
        const before = await produced()
        const figures = await drain(site, {
          ...{ role: 'process', workers, records },
          done: async () => (await produced()) - before,
          isCommitted: async () => (await logs.committed(processors, raw)) === pages,
        })
        const made = (await produced()) - before
        // When the second joins, what the first has in hand may be done twice.
        if (workers === 1 ? made !== records : made < records)
          throw new Error(`The processors produced ${made} records of ${records}`)
        return workers === 1 ? figures : { ...figures, 'done twice': made - records }
      },
      insert: async (workers) => {
        await site.installation.pool.query('truncate canonical.person cascade')
        return merge(workers)
      },
      update: async (workers) => {
        await age(site)
        return merge(workers)
      },
    }
    return work(backlog).finally(() => logs.close())
  })
