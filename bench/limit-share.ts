// W4: how much of the vendor's limit is used while there is more to fetch than it allows, from second 5 on and over whole periods. The
// simulated vendor counts and enforces it; each answer comes 100 ms late.
import { performance } from 'node:perf_hooks'
import { pause } from '../platform/lifecycle.ts'
import type { Rate } from '../simulator/rate.ts'
import { startMeter } from './meter.ts'
import { addOrganisations, beginRuns, credentialOf, orgNames, untilComplete } from './organisations.ts'
import type { SimulatorProcess } from './simulator-process.ts'
import { type Site, whileAlive, withVendors } from './site.ts'
import { type Bench, type Row, rounded, sized, type Work } from './work.ts'

const LATENCY_MS = 100
const PERIOD_SECONDS = 20
const PERIODS = 3
const FROM_MS = 5_000
const PAGE = 100

interface Case {
  readonly organisations: number
  readonly rate: Rate
  /** Whole periods that are counted. */
  readonly periods: number
}

const measureCase = async (site: Site<SimulatorProcess>, orgs: readonly string[], { rate, periods }: Case): Promise<Row> => {
  const [vendor] = site.vendors as [SimulatorProcess] // one was asked for
  await addOrganisations(site, vendor, orgs)
  const worker = site.worker('all')
  const { number } = site
  const isReady = async () => (await number(`select count(*) as n from sync.workers where 'fetch' = any(roles)`)) > 0
  await whileAlive([worker], 'the worker is there', isReady)

  const meter = startMeter(site.servers, [worker.pid])
  await beginRuns(site, orgs, 'person')
  await whileAlive([worker], 'the first request', async () => (await vendor.stats()).calls > 0)
  await pause(FROM_MS)
  const before = await vendor.stats()
  const startedAt = performance.now()
  await pause(periods * rate.periodSeconds * 1_000)
  const after = await vendor.stats()
  const seconds = (performance.now() - startedAt) / 1_000
  if ((await number('select count(*) as n from sync.runs where ended_at is not null')) > 0)
    throw new Error('A run had nothing left to fetch while the limit was measured')
  await untilComplete(site, [worker])
  const figures = meter.read([worker.pid], await number('select count(*) as n from canonical.person'), seconds)
  const { violations, byCredential } = await vendor.stats()
  await worker.stop()

  const allowed = (rate.limit * seconds) / rate.periodSeconds
  const shares = orgs.map((org) => {
    const name = `pat:${org}`
    return ((after.byCredential[name]?.calls ?? 0) - (before.byCredential[name]?.calls ?? 0)) / allowed
  })
  return {
    pass: orgs.length === 1 ? 'one organisation' : `${orgs.length} at once`,
    figures: {
      limit: `${rate.limit}/${rate.periodSeconds} s`,
      'used %': rounded((100 * (after.calls - before.calls)) / (allowed * orgs.length)),
      'least used %': rounded(100 * Math.min(...shares)),
      'most in a window': Math.max(...Object.values(byCredential).map(({ maxInWindow }) => maxInWindow)),
      'above the limit': violations,
      'our CPU': figures['our CPU'] ?? '',
      'peak MB': figures['peak MB'] ?? '',
    },
  }
}

const run = async (bench: Bench, measured: Case): Promise<Row> => {
  const { organisations, rate, periods } = measured
  const orgs = orgNames('limited', organisations)
  // What the limit allows in the time that is counted, in the one before it, and one more.
  const people = rate.limit * PAGE * (periods + 2)
  const vendor = { people, rate, latencyMs: LATENCY_MS, personalTokens: orgs.map(credentialOf) }
  return withVendors(bench, [vendor], async (site) => {
    const row = await measureCase(site, orgs, measured)
    const rows = await site.number('select count(*) as n from canonical.person')
    if (rows !== people * organisations) throw new Error(`There are ${rows} rows of ${people * organisations} people`)
    return row
  })
}

export const limitShare: Work = {
  name: 'W4',
  title: `Share of the vendor's limit that is used from second ${FROM_MS / 1_000} on, answers ${LATENCY_MS} ms late`,
  run: async (bench) => {
    const periods = sized(PERIODS, bench)
    const rate = (limit: number): Rate => ({ limit, periodSeconds: PERIOD_SECONDS })
    return [
      await run(bench, { organisations: 1, rate: rate(100), periods }),
      // A smaller limit, or the machine would be what holds them back.
      await run(bench, { organisations: Math.max(2, sized(50, bench)), rate: rate(20), periods }),
    ]
  },
}
