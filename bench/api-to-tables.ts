// W1, the main job: all people of a simulated organisation from the API to the tables, no rate limit, one worker with all roles,
// everything on that is on in production. First into empty tables, then again with nothing changed; beside the peers from their API, which can
// change every record.
import { startMeter } from './meter.ts'
import { startSimulator } from './simulator-process.ts'
import { ORG, run, type Site, sync, withOrganisation } from './site.ts'
import { type Row, sized, type Work } from './work.ts'

const PEOPLE = 200_000
const SAMPLE = '200'

/** Rows that the last run has written. */
const merged = ({ number }: Site): Promise<number> =>
  number(
    `select coalesce(sum(bit_count(merged)), 0) as n from sync.landings
     where run_id = (select run_id from sync.runs order by created_at desc limit 1)`,
  )

const check = async (site: Site, people: number, written: number): Promise<void> => {
  const rows = await site.number('select count(*) as n from canonical.person')
  const found = await merged(site)
  if (rows !== people || found !== written)
    throw new Error(`Of ${people} people there are ${rows} rows, ${found} of them written`)
  // A sample from both sides, attribute by attribute.
  await run(site.installation, ['verify', '--org', ORG, '--against-api', '--sample', SAMPLE, '--entity', 'person'])
}

export const apiToTables: Work = {
  name: 'W1',
  title: 'API → tables: people, no limit, all roles in one process, ledger and validation on',
  run: async (bench) => {
    const people = sized(PEOPLE, bench)
    const api = await bench.peers?.api(people)
    return withOrganisation(bench, api ?? (await startSimulator({ people })), async (site) => {
      const worker = site.worker('all')
      // A first run of little, so that the worker has joined its groups.
      await sync(site, worker, 'campus')
      const pass = async (name: string, written: number): Promise<Row> => {
        const meter = startMeter(site.servers, [worker.pid])
        const seconds = await sync(site, worker, 'person')
        const figures = meter.read([worker.pid], people, seconds)
        await check(site, people, written)
        return { pass: name, figures }
      }
      const rows = [await pass('first load', people)]
      await api?.change()
      if (api !== undefined) rows.push(await pass('every row changed', people))
      rows.push(await pass('nothing changed', 0))
      await worker.stop()
      return rows
    })
  },
}
