// What row-level security costs a merge: a batch of people is merged new, and again with newer content, by a role that does not own the
// tables, with row-level security on and off by turns; and by the owner, whom it never concerns. Usage: npm run build && npx tsc &&
// SYNCLINE_DATABASE_URL=postgres://… node dist/bench/row-security.js [records] [rounds]
// Prints one JSON object per kind: medians of seconds per batch.
import { randomBytes } from 'node:crypto'
import { migrateLedger } from '../ledger/migrate.ts'
import { silentLogger } from '../platform/logger.ts'
import { createPool, type Pool } from '../platform/postgres.ts'
import type { GatheredBatch } from '../sinks/batch.ts'
import { createGatherer } from '../sinks/gather.ts'
import { createRecordEncoder } from '../sinks/postgres/copy.ts'
import { mergeBatch } from '../sinks/postgres/merge.ts'
import { migrateCanonical } from '../sinks/postgres/migrate.ts'
import { createCountedRanges } from '../sinks/seen.ts'
import { freshDatabaseOn } from '../test/harness/database.ts'
import { canonicalEntity } from '../topics/canonical.ts'
import { personOf } from './poison-kinds.ts'

const encode = createRecordEncoder(canonicalEntity('person'), () => undefined)
const KINDS = ['owner', 'worker with row security', 'worker without'] as const
type Kind = (typeof KINDS)[number]

/** `round`: another one has other ids. */
const batchOf = (records: number, round: number, name: string, observedAt: number): GatheredBatch => {
  const gatherer = createGatherer({ maxRecords: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER }, 1)
  for (let i = 0; i < records; i++) {
    const record = { ...personOf(round * records + i, { name, city: 'x' }), observedAt, sourceUpdatedAt: observedAt }
    gatherer.record('person', encode(record), { value: null, origin: undefined })
  }
  return gatherer.take()
}

const timed = async (pool: Pool, batch: GatheredBatch): Promise<number> => {
  const startedAt = performance.now()
  const { counts } = await mergeBatch(pool, batch, createCountedRanges())
  if (counts.merged !== batch.records.length) throw new Error(`${counts.merged} of ${batch.records.length} were merged`)
  return (performance.now() - startedAt) / 1_000
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

/** Whoever comes first pays for what the others find ready. */
const turns = (round: number): readonly Kind[] => KINDS.map((_, n) => KINDS[(n + round + 1) % KINDS.length] ?? 'owner')

const workerOn = async (admin: Pool, url: string): Promise<{ pool: Pool; role: string }> => {
  const role = `bench_${randomBytes(4).toString('hex')}`
  const password = randomBytes(12).toString('hex')
  await admin.query(`create role ${role} login password '${password}'`)
  await admin.query(`grant usage on schema sync, canonical to ${role}`)
  await admin.query(`grant select, insert, update, delete on all tables in schema sync, canonical to ${role}`)
  const address = new URL(url)
  address.username = role
  address.password = password
  return { role, pool: createPool({ url: address.href, max: 1 }) }
}

const main = async (server: string, records: number, rounds: number): Promise<void> => {
  const { url, drop } = await freshDatabaseOn(server)
  await migrateLedger(url, silentLogger)
  await migrateCanonical(url, silentLogger)
  const owner = createPool({ url, max: 1 })
  const { role, pool: worker } = await workerOn(owner, url)
  const results = new Map(KINDS.map((kind) => [kind, { fresh: [] as number[], changed: [] as number[] }]))
  try {
    // The first round warms up.
    for (let round = -1; round < rounds; round++)
      for (const [n, kind] of turns(round).entries()) {
        const security = kind === 'worker without' ? 'disable' : 'enable'
        await owner.query(`alter table canonical.person ${security} row level security`)
        const pool: Pool = kind === 'owner' ? owner : worker
        const seed = (round + 1) * KINDS.length + n
        const fresh = await timed(pool, batchOf(records, seed, 'Some Name', 2_000_000))
        const changed = await timed(pool, batchOf(records, seed, 'Another Name', 3_000_000))
        await owner.query('truncate canonical.person cascade')
        if (round < 0) continue
        results.get(kind)?.fresh.push(fresh)
        results.get(kind)?.changed.push(changed)
      }
    for (const [kind, { fresh, changed }] of results) {
      const line: Readonly<Record<string, string | number>> & { kind: Kind } = {
        kind,
        records,
        rounds,
        newSeconds: rounded(median(fresh)),
        changedSeconds: rounded(median(changed)),
      }
      process.stdout.write(`${JSON.stringify(line)}\n`)
    }
  } finally {
    await worker.end()
    await owner.query(`drop owned by ${role}`)
    await owner.query(`drop role ${role}`)
    await owner.end()
    await drop()
  }
}

const [records = '10000', rounds = '11'] = process.argv.slice(2)
const server = process.env['SYNCLINE_DATABASE_URL']
if (server === undefined) throw new Error('Set SYNCLINE_DATABASE_URL to a server on which databases may be created.')
await main(server, Number(records), Number(rounds))
