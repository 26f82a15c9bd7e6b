// W7, what deciding costs: a manifest of thousands of entities in tiers, planned and driven through real ticks on a real ledger, with workers
// that answer every command with one empty page. CPU is what this process spent in ticks.
import { migrateLedger } from '../ledger/migrate.ts'
import { saveConnection } from '../ledger/organisations.ts'
import type { Plans } from '../ledger/progress.ts'
import { type TakenRange, takeRange } from '../ledger/ranges.ts'
import { writeReceipts } from '../ledger/receipts.ts'
import { createRun, findRun } from '../ledger/runs.ts'
import { parseEncryptionKey } from '../ledger/secrets.ts'
import { renewLease } from '../ledger/workers.ts'
import { mkEntityManifest } from '../manifests/entity-manifest.ts'
import type { EntityDefinition, Relationship } from '../manifests/manifest.ts'
import { pcoManifest } from '../manifests/pco/index.ts'
import { type TickDeps, tick } from '../orchestrator/orchestrator.ts'
import { silentLogger } from '../platform/logger.ts'
import { createPool, type Pool } from '../platform/postgres.ts'
import { uuidv7 } from '../platform/uuid.ts'
import { freshDatabaseOn } from '../test/harness/database.ts'
import { type FetchCommand, parseCommand } from '../topics/commands.ts'
import { topicsWithPrefix } from '../topics/list.ts'
import { type Bench, type Row, rounded, sized, type Work } from './work.ts'

const ENTITIES = 5_000
const TIERS = 40
const PARENTS = 3
const AT_ONCE = 16
const OWNER = { orgId: 'bench', source: 'generated', adapter: 'generated' }

/** Each needs one of the tier before, and comes better after two others of it. */
const generated = (n: number, entities: number): EntityDefinition => {
  const perTier = Math.ceil(entities / TIERS)
  const tier = Math.floor(n / perTier)
  const parent = (k: number): [string, Relationship] => [
    `parent_${k}`,
    { type: `T${(tier - 1) * perTier + ((n * 7 + k * 13) % perTier)}`, cardinality: 'one', edge: k === 0 ? 'hard' : 'soft' },
  ]
  return {
    ...pcoManifest.get('campus'),
    entity: `entity-${n}`,
    resource: { type: `T${n}` },
    relationships: tier === 0 ? {} : Object.fromEntries(Array.from({ length: PARENTS }, (_, k) => parent(k))),
  }
}

const emptyPage = ({ runId, rangeId, epoch, nextPage, spec }: TakenRange) => ({
  ...{ runId, rangeId, epoch, page: nextPage, entity: spec.entity },
  ...{ next: null, release: false, counts: {}, fresh: 0, total: 0, drifted: false },
  ...{ bytes: 20, request: '/generated', observedAt: Date.now(), rawPartition: 0, rawOffset: 0n, calls: 1 },
})

const answer = async (pool: Pool, worker: string, commands: readonly FetchCommand[]): Promise<void> => {
  const taken: TakenRange[] = []
  for (let n = 0; n < commands.length; n += AT_ONCE) {
    const some = commands.slice(n, n + AT_ONCE).map((command) => takeRange(pool, command, worker))
    taken.push(...(await Promise.all(some)).filter((range) => range !== undefined))
  }
  if (taken.length > 0) await writeReceipts(pool, worker, taken.map(emptyPage))
}

const drive = async (pool: Pool, entities: number): Promise<Row> => {
  const manifest = mkEntityManifest(
    OWNER.adapter,
    Array.from({ length: entities }, (_, n) => generated(n, entities)),
  )
  const key = parseEncryptionKey(Buffer.alloc(32, 1).toString('base64'))
  await saveConnection(pool, key, { ...OWNER, baseUrl: null, settings: {}, rateLimit: null, credential: 'a:b' })
  const runId = await createRun(pool, { ...OWNER, strategy: 'full', selection: [] })
  const worker = uuidv7()
  let commands: FetchCommand[] = []
  const deps: TickDeps = {
    ...{ pool, topics: topicsWithPrefix('bench.'), manifestOf: () => manifest, log: silentLogger },
    ...{ lookBackMs: 0, deletions: { percent: 5, rows: 10 } },
    producer: {
      send: async (topics) => {
        commands.push(...topics.flatMap(({ messages }) => messages.flatMap(({ value }) => parseCommand(value) ?? [])))
        return []
      },
    },
  }
  const plans: Plans = new Map()
  let [cpuMs, ticks] = [0, 0]
  const startedAt = performance.now()
  for (let isActive = true; isActive; ticks++) {
    await renewLease(pool, worker, ['fetch'])
    const before = process.cpuUsage()
    isActive = await tick(deps, plans)
    const { user, system } = process.cpuUsage(before)
    cpuMs += (user + system) / 1_000
    const due = commands
    commands = []
    await answer(pool, worker, due)
  }
  const run = await findRun(pool, runId)
  if (run?.state !== 'complete') throw new Error(`The run is ${run?.state}: ${run?.reason}`)
  return {
    pass: `${entities} entities in ${TIERS} tiers`,
    figures: {
      ticks,
      seconds: rounded((performance.now() - startedAt) / 1_000),
      'our CPU': rounded(cpuMs / 1_000, 2),
      'CPU ms/entity': rounded(cpuMs / entities, 2),
      'resident MB': Math.round(process.memoryUsage.rss() / 1024 / 1024),
    },
  }
}

const measure = async ({ stack: { addresses } }: Bench, entities: number): Promise<Row> => {
  const database = await freshDatabaseOn(addresses.postgres)
  await migrateLedger(database.url, silentLogger)
  const pool = createPool({ url: database.url })
  const row = await drive(pool, entities).finally(() => pool.end())
  await database.drop()
  return row
}

export const orchestration: Work = {
  name: 'W7',
  title: 'Deciding: a generated manifest, planned and driven with empty pages',
  ofThisBuildOnly: true,
  // A quarter before: it must cost as much an entity.
  run: async (bench) => [await measure(bench, sized(ENTITIES / 4, bench)), await measure(bench, sized(ENTITIES, bench))],
}
