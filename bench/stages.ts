// W2 and W3: the sink and the processor, each alone on a backlog; the sink takes what the processor made, which checks both.
import { type Backlog, withBacklog } from './backlog.ts'
import { type Row, sized, type Work } from './work.ts'

const PEOPLE = 500_000

const work = (name: string, title: string, rows: (backlog: Backlog) => Promise<readonly Row[]>): Work => ({
  name,
  title,
  run: (bench) => withBacklog(bench, sized(PEOPLE, bench), rows),
})

export const topicToTables = work('W2', 'Canonical topic → tables: people in Avro, the sink role alone', async (backlog) => {
  await backlog.process(1)
  return [
    { pass: 'insert', figures: await backlog.insert(1) },
    { pass: 'update of every row', figures: await backlog.update(1) },
  ]
})

export const rawToCanonical = work('W3', 'Raw → canonical: pages of people, the process role alone', async (backlog) => {
  const figures = await backlog.process(1)
  await backlog.insert(1)
  return [{ pass: 'one processor', figures }]
})
