// What rows that PostgreSQL refuses cost a batch: merges batches of people into a fresh database, clean and with so many per cent
// refused, in COPY, by a check, and by a trigger, in turns. Usage: npm run build && npx tsc &&
// SYNCLINE_DATABASE_URL=postgres://… node dist/bench/refused-rows.js [records] [bad per cent] [rounds]
// Prints one JSON object per kind: medians of seconds and of CPU seconds (this process and PostgreSQL's) per batch.
import { migrateLedger } from '../ledger/migrate.ts'
import { silentLogger } from '../platform/logger.ts'
import { createPool, type Pool } from '../platform/postgres.ts'
import type { GatheredBatch, MergeBatch } from '../sinks/batch.ts'
import { refused as refusedLetter } from '../sinks/dead-letters.ts'
import { createGatherer } from '../sinks/gather.ts'
import { mergeIsolating } from '../sinks/isolate.ts'
import { createRecordEncoder } from '../sinks/postgres/copy.ts'
import { mergeBatch } from '../sinks/postgres/merge.ts'
import { migrateCanonical } from '../sinks/postgres/migrate.ts'
import { createCountedRanges } from '../sinks/seen.ts'
import { freshDatabaseOn } from '../test/harness/database.ts'
import { canonicalEntity } from '../topics/canonical.ts'
import { personOf } from './poison-kinds.ts'
import { cpuSeconds } from './process-figures.ts'

const encode = createRecordEncoder(canonicalEntity('person'), () => undefined)
const KINDS = ['clean', 'check', 'trigger', 'copy'] as const
type Kind = (typeof KINDS)[number]

const FIELDS: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  clean: {},
  check: { nickname: 'poison' },
  trigger: { membership: 'poison' },
  copy: { name: '~' },
}

const PREPARED = `
  alter table canonical.person add constraint no_poison check (nickname <> 'poison');
  create function no_poison() returns trigger language plpgsql as $$
    begin
      if new.membership = 'poison' then raise exception using errcode = 'check_violation'; end if;
      return new;
    end $$;
  create trigger no_poison before insert or update on canonical.person for each row execute function no_poison()`

/** `seed`: another batch has other ids. */
const batchOf = (kind: Kind, records: number, percent: number, seed: number): GatheredBatch => {
  const gatherer = createGatherer({ maxRecords: Number.MAX_SAFE_INTEGER, maxBytes: Number.MAX_SAFE_INTEGER }, 1)
  for (let i = 0; i < records; i++) {
    const isBad = (i * percent) % 100 < percent
    const encoded = encode(personOf(seed * records + i, { name: 'Some Name', city: 'x', ...(isBad ? FIELDS[kind] : {}) }))
    const { slab, start, end } = encoded.row
    // Text that is not UTF-8, which the encoder itself would never write.
    if (isBad && kind === 'copy') slab[start + slab.subarray(start, end).indexOf('~')] = 0xff
    gatherer.record('person', encoded, { value: Buffer.alloc(0), origin: undefined })
  }
  return gatherer.take()
}

const backendCpu = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid')
  return rows.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
}

interface Measured {
  readonly seconds: number
  readonly cpu: number
}

const measure = async (pool: Pool, batch: GatheredBatch, expected: number): Promise<Measured> => {
  const counted = createCountedRanges()
  const [backendBefore, cpuBefore, startedAt] = [await backendCpu(pool), process.cpuUsage(), performance.now()]
  const merge = async (part: MergeBatch) =>
    (await mergeBatch(pool, part, counted)).refused.map(({ record, why }) => refusedLetter(record, why))
  const refused = (await mergeIsolating(batch, merge, silentLogger)).length
  const seconds = (performance.now() - startedAt) / 1_000
  const { user, system } = process.cpuUsage(cpuBefore)
  const cpu = (user + system) / 1_000_000 + (await backendCpu(pool)) - backendBefore
  if (refused !== expected) throw new Error(`${refused} were refused, not ${expected}`)
  return { seconds, cpu }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

const main = async (server: string, records: number, percent: number, rounds: number): Promise<void> => {
  const { url, drop } = await freshDatabaseOn(server)
  await migrateLedger(url, silentLogger)
  await migrateCanonical(url, silentLogger)
  const pool = createPool({ url, max: 1 })
  await pool.query(PREPARED)
  const results = new Map(KINDS.map((kind) => [kind, [] as Measured[]]))
  let seed = 0
  // The first round warms up.
  for (let round = -1; round < rounds; round++)
    for (const kind of KINDS) {
      const bad = kind === 'clean' ? 0 : Math.round((records * percent) / 100)
      const measured = await measure(pool, batchOf(kind, records, percent, seed++), bad)
      if (round >= 0) results.get(kind)?.push(measured)
    }
  for (const [kind, measured] of results) {
    const [seconds, cpu] = [median(measured.map((m) => m.seconds)), median(measured.map((m) => m.cpu))]
    process.stdout.write(`${JSON.stringify({ kind, records, percent, seconds: rounded(seconds), cpu: rounded(cpu) })}\n`)
  }
  await pool.end()
  await drop()
}

const server = process.env['SYNCLINE_DATABASE_URL']
if (!server) throw new Error('SYNCLINE_DATABASE_URL names the server to measure with')
const [, , records = '5000', percent = '10', rounds = '5'] = process.argv
await main(server, Number(records), Number(percent), Number(rounds))
