// W5: a thousand organisations at once, ten entities each, most of them small and some large, each with a limit of its own. What is lost
// to their number: the time against what the limit and the throughput of one organisation would allow, and against a small one alone.
import { ROLE_NAMES } from '../cli/role-names.ts'
import type { WorkerProcess } from '../test/harness/installation.ts'
import { startMeter } from './meter.ts'
import { addOrganisations, beginRuns, credentialOf, orgNames, untilComplete } from './organisations.ts'
import { peakResidentMb } from './process-figures.ts'
import type { SimulatorProcess } from './simulator-process.ts'
import { type Site, withVendors } from './site.ts'
import { type Bench, type Figures, type Row, rounded, sized, type Work } from './work.ts'

const SMALL = { organisations: 990, people: 200 }
const LARGE = { organisations: 10, people: 20_000 }
const RATE = { limit: 100, periodSeconds: 20 }
const LATENCY_MS = 50
const ALONE = 3

interface Timed {
  readonly seconds: number
  readonly median: number
  readonly medianFromBegin: number
}

const RECORDS = 'select coalesce(sum(bit_count(merged)), 0) as n from sync.landings'

/** Runs of all entities, asked for together: seconds until the last has ended, and what it took the one in the middle, since then and since it began. */
const runAll = async (site: Site, workers: readonly WorkerProcess[], orgs: readonly string[], ofKind: string): Promise<Timed> => {
  const since = await site.number('select extract(epoch from clock_timestamp())::float as n')
  await beginRuns(site, orgs)
  await untilComplete(site, workers)
  const { number } = site
  const seconds = await number('select extract(epoch from max(ended_at))::float - $1::float as n from sync.runs', since)
  const median = (from: string): Promise<number> =>
    number(
      `select percentile_cont(0.5) within group (order by extract(epoch from ended_at - ${from})::float) as n from sync.runs
       where created_at >= to_timestamp($1) and org_id like $2`,
      ...[since, `${ofKind}-%`],
    )
  return { seconds, median: await median('to_timestamp($1)'), medianFromBegin: await median('started_at') }
}

/** Of the organisation that asked most: what its limit alone makes it wait. */
const limitBound = async (vendor: SimulatorProcess): Promise<number> => {
  const { byCredential, violations } = await vendor.stats()
  if (violations > 0) throw new Error(`${violations} requests were above the limit`)
  const most = Math.max(...Object.values(byCredential).map(({ calls }) => calls))
  return Math.max(0, Math.ceil(most / RATE.limit) - 1) * RATE.periodSeconds
}

/** Of each vendor, the people of one organisation times the organisations. */
const checkRows = async ({ number }: Site, kind: string, expected: number): Promise<void> => {
  const rows = await number('select count(*) as n from canonical.person where org_id like $1', `${kind}-%`)
  if (rows !== expected) throw new Error(`Of the ${kind} organisations there are ${rows} people, not ${expected}`)
}

const measure = async (bench: Bench, site: Site<SimulatorProcess>): Promise<readonly Row[]> => {
  const [small, large, unlimited] = site.vendors as [SimulatorProcess, SimulatorProcess, SimulatorProcess] // as asked for
  const [smallOnes, largeOnes] = [orgsOf('small', SMALL, bench), orgsOf('large', LARGE, bench)]
  const alone = orgNames('alone', ALONE)
  await addOrganisations(site, small, [...smallOnes, ...alone])
  await addOrganisations(site, large, largeOnes)
  await addOrganisations(site, unlimited, ['free-0'], 'none')
  const workers = ROLE_NAMES.map((role) => site.worker(role))
  const pids = workers.map(({ pid }) => pid)
  const { number } = site

  const measured = async (orgs: readonly string[], kind: string): Promise<{ figures: Figures; timed: Timed }> => {
    const before = await number(RECORDS)
    const meter = startMeter(site.servers, pids)
    const timed = await runAll(site, workers, orgs, kind)
    return { figures: meter.read(pids, (await number(RECORDS)) - before, timed.seconds), timed }
  }

  // The first of them warms the workers up.
  const times: number[] = []
  for (const org of alone) times.push((await runAll(site, workers, [org], 'alone')).seconds)
  const smallAlone = times.slice(1).toSorted((a, b) => a - b)[0] ?? Number.NaN
  const free = await measured(['free-0'], 'free')
  const all = await measured([...smallOnes, ...largeOnes], 'small')
  await checkRows(site, 'small', smallOnes.length * SMALL.people)
  await checkRows(site, 'large', largeOnes.length * LARGE.people)
  const byLimit = await limitBound(large)
  await limitBound(small)
  const byThroughput = Number(all.figures['records']) / Number(free.figures['records/s'])
  const largest = Math.max(...pids.map(peakResidentMb))
  await Promise.all(workers.map((worker) => worker.stop()))
  return [
    { pass: 'one organisation, no limit', figures: free.figures },
    {
      pass: `${smallOnes.length} small and ${largeOnes.length} large at once`,
      figures: {
        ...all.figures,
        'limit-bound s': byLimit,
        'throughput-bound s': rounded(byThroughput),
        '× bound': rounded(all.timed.seconds / Math.max(byLimit, byThroughput), 2),
        'small alone s': rounded(smallAlone),
        'small median s': rounded(all.timed.median),
        'from its begin s': rounded(all.timed.medianFromBegin),
        'largest worker MB': Math.round(largest),
      },
    },
  ]
}

const orgsOf = (kind: string, { organisations }: { organisations: number }, bench: Bench): readonly string[] =>
  orgNames(kind, sized(organisations, bench))

export const manyOrganisations: Work = {
  name: 'W5',
  title: 'Many organisations at once, all entities, a process for each role',
  run: (bench) => {
    const vendor = (people: number, orgs: readonly string[], rate?: typeof RATE) => ({
      ...{ people, latencyMs: LATENCY_MS, personalTokens: orgs.map(credentialOf) },
      ...(rate === undefined ? {} : { rate }),
    })
    const vendors = [
      vendor(SMALL.people, [...orgsOf('small', SMALL, bench), ...orgNames('alone', ALONE)], RATE),
      vendor(LARGE.people, orgsOf('large', LARGE, bench), RATE),
      vendor(LARGE.people, ['free-0']),
    ]
    return withVendors(bench, vendors, (site) => measure(bench, site))
  },
}
