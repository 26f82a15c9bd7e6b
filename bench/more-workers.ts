// W6: workers added while it runs. Fetchers, one, two and four, against an API that answers after a second; and processors and sinks, one and
// two, on a backlog.
import { pause } from '../platform/lifecycle.ts'
import { openTopicRecords } from '../test/harness/topic-records.ts'
import { topicsWithPrefix } from '../topics/list.ts'
import { withBacklog } from './backlog.ts'
import { addOrganisations, beginRuns, credentialOf, orgNames, untilComplete } from './organisations.ts'
import type { SimulatorProcess } from './simulator-process.ts'
import { type Site, whileAlive, withVendors } from './site.ts'
import { type Bench, type Row, rounded, sized, type Work } from './work.ts'

const LATENCY_MS = 1_000
const ORGANISATIONS = 64
const PEOPLE_OF_EACH = 8_000
const FETCHERS = [1, 2, 4]
const SECONDS = 20
const LEAST_SECONDS = 5
/** For the ranges to find their new holders: a slice may last 10 s. */
const SETTLE_SECONDS = 12
const BACKLOG = 200_000

const measuredSeconds = ({ size }: Bench): number => Math.max(LEAST_SECONDS, SECONDS * size)

/** Enough for the time that fetchers are watched, which has its least. */
const peopleOfEach = (bench: Bench): number =>
  Math.round((PEOPLE_OF_EACH * (SETTLE_SECONDS + measuredSeconds(bench))) / (SETTLE_SECONDS + SECONDS))

const fetchers = async (bench: Bench, site: Site<SimulatorProcess>): Promise<readonly Row[]> => {
  const [vendor] = site.vendors as [SimulatorProcess] // one was asked for
  const orgs = orgNames('slow', ORGANISATIONS)
  await addOrganisations(site, vendor, orgs, 'none')
  const others = site.worker('orchestrate', 'process', 'sink')
  const started = [site.worker('fetch')]
  await beginRuns(site, orgs, 'person')
  const calls = async () => (await vendor.stats()).calls
  const rows: Row[] = []
  let alone = 0
  for (const count of FETCHERS) {
    while (started.length < count) started.push(site.worker('fetch'))
    const isThere = async () => (await site.number(`select count(*) as n from sync.workers where 'fetch' = any(roles)`)) === count
    await whileAlive([others, ...started], `${count} fetchers are there`, isThere)
    await whileAlive([others], 'the first request', async () => (await calls()) > 0)
    await pause(SETTLE_SECONDS * 1_000)
    const [before, startedAt] = [await calls(), performance.now()]
    await pause(measuredSeconds(bench) * 1_000)
    const perSecond = (1_000 * ((await calls()) - before)) / (performance.now() - startedAt)
    alone ||= perSecond
    const figures = { 'requests/s': rounded(perSecond), 'of as many times one': rounded(perSecond / (alone * count), 2) }
    rows.push({ pass: `${count} fetchers`, figures })
  }
  if ((await site.number(`select count(*) as n from sync.ranges where state = 'open'`)) === 0)
    throw new Error('Nothing was left to fetch while fetchers were added')
  await untilComplete(site, [others, ...started])
  const people = await site.number('select count(*) as n from canonical.person')
  const asked = ORGANISATIONS * peopleOfEach(bench)
  if (people !== asked) throw new Error(`There are ${people} rows of ${asked} people`)
  const repeated =
    (await pagesProduced(bench, site)) - (await site.number('select count(*) as n from sync.pages where raw_offset >= 0'))
  const figures = { 'pages fetched again': repeated, 'requests failed': await failures(vendor) }
  return [...rows, { pass: 'hand-overs of all', figures }]
}

const failures = async (vendor: SimulatorProcess): Promise<number> => {
  const { byStatus } = await vendor.stats()
  return Object.entries(byStatus).reduce((sum, [status, calls]) => (status === '200' ? sum : sum + calls), 0)
}

const pagesProduced = async ({ stack }: Bench, { installation }: Site): Promise<number> => {
  const logs = await openTopicRecords(stack.addresses.kafka)
  const pages = await logs.produced(topicsWithPrefix(installation.prefix).raw('pco'))
  await logs.close()
  return Number(pages)
}

const backlogs = (bench: Bench): Promise<readonly Row[]> =>
  withBacklog(bench, sized(BACKLOG, bench), async (backlog) => {
    const rows: Row[] = []
    for (const workers of [1, 2]) {
      rows.push({ pass: `backlog, ${workers} processors`, figures: await backlog.process(workers) })
      rows.push({ pass: `backlog, ${workers} sinks`, figures: await backlog.insert(workers) })
    }
    return rows
  })

export const moreWorkers: Work = {
  name: 'W6',
  title: `Workers added: fetchers where each answer takes ${LATENCY_MS / 1_000} s; processors and sinks on a backlog`,
  run: async (bench) => {
    const personalTokens = orgNames('slow', ORGANISATIONS).map(credentialOf)
    const vendor = { people: peopleOfEach(bench), latencyMs: LATENCY_MS, personalTokens }
    const fetched = await withVendors(bench, [vendor], (site) => fetchers(bench, site))
    return [...fetched, ...(await backlogs(bench))]
  },
}
