// The audit trail on a real PostgreSQL: a run's story is in it, many writers leave no gap, and what is done to its rows is found.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkFile, exportToFile, pruneExported } from '../../cli/audit-file.ts'
import { ACTOR_SETTING, auditHeads, auditTrail, recordAudit } from '../../ledger/audit.ts'
import { checkTrail } from '../../ledger/audit-check.ts'
import { removeOrganisation, saveConnection } from '../../ledger/organisations.ts'
import { changeRun, createRun } from '../../ledger/runs.ts'
import { createPool, inTransaction, type Pool } from '../../platform/postgres.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { keyRing } from './ledger-fixtures.ts'

let installation: Installation
let simulator: Simulator
/** Connections that say that Ann acts. */
let ann: Pool
const operator = `cli:${userInfo().username}`
const worker = `worker:${hostname()}`

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 30 })
  const args = ['org', 'add', '--no-schedules', 'acme', '--base-url', simulator.url, '--rate', 'none', '--pat-stdin']
  const { code, stderr } = await installation.cli(args, simulator.personalToken)
  expect(code, stderr).toBe(0)
  ann = createPool({ url: installation.database.url, max: 2, settings: { [ACTOR_SETTING]: 'cli:ann' } })
})

afterAll(async () => {
  await ann?.end()
  await installation?.remove()
  await simulator?.close()
})

const trailOf = (orgId: string) => auditTrail(installation.pool, { orgId, limit: 1_000 })

/** `actor action` of each row, or of those on one subject. */
const storyOf = async (orgId: string, subject?: string): Promise<readonly string[]> =>
  (await trailOf(orgId))
    .filter((row) => subject === undefined || row.subject === subject)
    .map((row) => `${row.actor} ${row.action}`)

const connect = (orgId: string, baseUrl: string, credential: string) =>
  saveConnection(ann, keyRing(7), {
    orgId,
    source: 'pco',
    adapter: 'pco',
    baseUrl,
    settings: { note: 'settings are not told' },
    rateLimit: null,
    credential,
  })

const askFor = (orgId: string) =>
  createRun(ann, { orgId, source: 'pco', adapter: 'pco', strategy: 'full', selection: ['campus'] })

describe('a run', () => {
  let runId = ''

  test('leaves its whole story, in order, with who did it', async () => {
    const result = await installation.cli(['sync', '--org', 'acme', '--select', 'campus,person', '--with-workers', '--json'])
    expect(result.code, result.stderr).toBe(0)
    runId = String(result.json.at(-1)?.['runId'])
    expect(await storyOf('acme', runId)).toEqual([`${operator} run.asked`, `${worker} run.running`, `${worker} run.complete`])
    const states = ['waiting', 'fetching', 'landing', 'closed'].map((state) => `${worker} entity.${state}`)
    // Back to fetching for the requests that prove the walk; each state for the first time in this order.
    for (const entity of ['campus', 'person']) {
      const story = await storyOf('acme', `${runId}/${entity}`)
      expect([...new Set(story)]).toEqual(states)
      expect(story.at(-1)).toBe(states.at(-1))
    }
    const rows = await trailOf('acme')
    expect(rows.slice(0, 2).map((row) => row.action)).toEqual(['organisation.added', 'connection.added'])
    expect(rows.at(-1)?.action).toBe('run.complete')
    expect(rows.map((row) => row.seq)).toEqual(rows.map((_, i) => i + 1))
    expect(rows.map((row) => row.at)).toEqual(rows.map((row) => row.at).toSorted())
  })

  test('is told on the command line', async () => {
    const { json } = await installation.cli(['audit', '--org', 'acme', '--limit', '3', '--since', '1h', '--json'])
    expect(json).toHaveLength(3)
    expect(json[2]).toMatchObject({
      type: 'audit',
      org: 'acme',
      action: 'run.complete',
      subject: runId,
      facts: { to: 'complete' },
    })
  })

  test('that an operator pauses, resumes and cancels says so; what is refused is not told', async () => {
    const run = await askFor('acme')
    expect((await installation.cli(['pause', '--run', run])).code).toBe(0)
    await changeRun(ann, run, 'resume')
    await changeRun(ann, run, 'cancel')
    await expect(changeRun(ann, run, 'pause')).rejects.toThrow('is cancelled')
    expect(await storyOf('acme', run)).toEqual([
      'cli:ann run.asked',
      `${operator} run.paused`,
      'cli:ann run.resumed',
      'cli:ann run.cancelled',
    ])
  })
})

describe('an organisation', () => {
  test('has a trail of its own that outlives it and holds no secret', async () => {
    const before = await auditHeads(ann, 'acme')
    await connect('gone', 'http://user:hunter2@127.0.0.1:4010/base?key=hunter3', 'app:hunter4')
    await connect('gone', 'http://127.0.0.1:4010', 'app:hunter5')
    await changeRun(ann, await askFor('gone'), 'cancel')
    const run = await askFor('gone')
    await ann.query('delete from sync.runs where run_id = $1', [run])
    await removeOrganisation(ann, 'gone')
    const actions = (await storyOf('gone')).map((line) => line.replace('cli:ann ', ''))
    expect(actions).toEqual([
      'organisation.added',
      'connection.added',
      'connection.changed',
      'run.asked',
      'run.cancelled',
      'run.asked',
      'run.removed',
      'organisation.removed',
      'connection.removed',
    ])
    const [, added, changed] = await trailOf('gone')
    expect(JSON.parse(added?.facts ?? '')).toEqual({ adapter: 'pco', baseUrl: 'http://127.0.0.1:4010/base' })
    expect(JSON.parse(changed?.facts ?? '')).toMatchObject({ changed: ['base_url', 'credential', 'limit_key'] })
    expect(JSON.stringify(await trailOf('gone'))).not.toMatch(/hunter|not told/)
    expect(await auditHeads(ann, 'acme')).toEqual(before)
    await connect('gone', 'http://127.0.0.1:4010', 'app:secret')
    expect(await checkTrail(installation.pool, 'gone')).toMatchObject({ fault: null, seq: 11 })
  })
})

const record = (orgId: string, n: number) =>
  recordAudit(installation.pool, {
    orgId,
    actor: 'test',
    action: 'thing.done',
    subject: `thing-${n}`,
    facts: { n, ключ: '€"\\\n' },
  })

describe('writers', () => {
  test('at the same time leave no gap, and one that is rolled back leaves none', async () => {
    const rolledBack = (n: number) =>
      inTransaction(installation.pool, async (client) => {
        await recordAudit(client, { orgId: 'busy', action: 'thing.undone', subject: `${n}` })
        throw new Error('undone')
      }).catch(() => undefined)
    const numbers = Array.from({ length: 60 }, (_, n) => n)
    await Promise.all(numbers.map((n) => (n % 3 === 0 ? rolledBack(n) : record(n % 3 === 1 ? 'busy' : 'busy-too', n))))
    expect(await checkTrail(installation.pool, 'busy')).toMatchObject({ fault: null, seq: 20 })
    expect(await checkTrail(installation.pool, 'busy-too')).toMatchObject({ fault: null, seq: 20 })
  })

  test.each([
    "update sync.audit_log set actor = 'nobody'",
    'delete from sync.audit_log',
    'truncate sync.audit_log',
    'delete from sync.audit_heads',
    'update sync.audit_heads set seq = 0',
  ])('are refused: %s', async (statement) => {
    await expect(installation.pool.query(statement)).rejects.toThrow('is refused')
    const asReplica = inTransaction(installation.pool, async (client) => {
      await client.query('set local session_replication_role = replica')
      await client.query(statement)
    })
    await expect(asReplica).rejects.toThrow('is refused')
  })

  test('cannot choose number, time or hash of a row, nor empty a table unseen', async () => {
    await installation.pool.query(
      `insert into sync.audit_log (org_id, seq, at, action, subject, previous_hash, hash) values ('forged', 7, 'epoch', 'forged', '', '', '')`,
    )
    expect(await checkTrail(installation.pool, 'forged')).toMatchObject({ fault: null, seq: 1 })
    expect((await trailOf('forged'))[0]?.at).not.toContain('1970')
    await expect(installation.pool.query('truncate sync.runs cascade')).rejects.toThrow('is refused')
  })
})

test('a transaction of many rows walks past none of them again: the head moves once, and no row is looked for', async () => {
  const rows = 1_000
  const { heads, log } = await inTransaction(installation.pool, async (client) => {
    await client.query(
      `insert into sync.audit_log (org_id, action, subject) select 'many', 'thing.done', n::text from generate_series(1, ${rows}) n`,
    )
    await client.query('set constraints all immediate')
    const { rows: counts } = await client.query<{ relname: string; seq_tup_read: number; fetched: number; updated: number }>(
      `select relname, seq_tup_read, coalesce(idx_tup_fetch, 0) as fetched, n_tup_upd as updated from pg_stat_xact_user_tables
       where schemaname = 'sync' and relname like 'audit%'`,
    )
    return {
      heads: counts.find(({ relname }) => relname === 'audit_heads'),
      log: counts.find(({ relname }) => relname === 'audit_log'),
    }
  })
  expect(heads).toMatchObject({ updated: 1, seq_tup_read: 0 })
  expect(log).toMatchObject({ seq_tup_read: 0 })
  // Each row reads the one before it; the head is moved by reading the last one.
  expect(log?.fetched).toBeLessThanOrEqual(rows + 1)
  expect(await checkTrail(installation.pool, 'many')).toMatchObject({ fault: null, seq: rows })
})

describe('an old trail', () => {
  const ORG = 'old'
  let folder = ''
  const file = (name: string) => join(folder, name)
  const audit = (...args: readonly string[]) => installation.cli(['audit', '--json', ...args])
  const prune = (name: string, before: string) => audit('--org', ORG, '--export', file(name), '--before', before, '--prune')
  const seqs = async () => (await trailOf(ORG)).map(({ seq }) => seq)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'syncline-audit-'))
    for (let n = 1; n <= 3; n++) await record(ORG, n)
    // A moment is said in milliseconds: the next row is to be of a later one.
    const isLater = `select date_trunc('milliseconds', clock_timestamp()) > max(at) as later from sync.audit_log where org_id = $1`
    await until('the next millisecond', async () => (await installation.pool.query(isLater, [ORG])).rows[0]?.later === true)
    for (let n = 4; n <= 6; n++) await record(ORG, n)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('is exported up to a moment, and pruned: what is left can be checked, and so can the file', async () => {
    const { pool } = installation
    const [kept] = await auditHeads(pool, ORG)
    const [, , , fourth] = await trailOf(ORG)
    expect(await exportToFile(pool, { orgId: ORG, before: new Date('2020-01-01') }, file('none'))).toBeUndefined()
    expect(await exportToFile(pool, { orgId: ORG }, file('all'))).toEqual({
      first: 1,
      through: kept && { seq: 6, hash: kept.hash },
    })
    await expect(exportToFile(pool, { orgId: ORG }, file('all'))).rejects.toMatchObject({ code: 'usage' })

    await expect(prune('first', String(fourth?.at))).resolves.toMatchObject({ code: 0, json: [{ first: 1, seq: 3, pruned: 3 }] })
    expect(await seqs()).toEqual([4, 5, 6, 7])
    expect((await trailOf(ORG)).at(-1)).toMatchObject({ actor: operator, action: 'audit.pruned' })
    expect(await checkTrail(pool, ORG, kept)).toMatchObject({ fault: null, seq: 7, pruned: 3 })
    await record(ORG, 8)
    const second = await exportToFile(pool, { orgId: ORG }, file('second'))
    expect(second).toMatchObject({ first: 4, through: { seq: 8 } })
    if (second) expect(await pruneExported(pool, ORG, second, file('second'))).toBe(5)
    if (second) await expect(pruneExported(pool, ORG, second, file('second'))).rejects.toMatchObject({ code: 'conflict' })
    expect(await seqs()).toEqual([9])
    expect(await checkTrail(pool, ORG)).toMatchObject({ fault: null, seq: 9, pruned: 8 })
    expect((await checkTrail(pool, ORG, kept)).fault).toMatchObject({ seq: 6, kind: 'missing' })
    expect(await checkFile(file('all'))).toMatchObject({ orgId: ORG, fault: null, first: 1, seq: 6 })
    expect(await checkFile(file('second'))).toMatchObject({ orgId: ORG, fault: null, first: 4, seq: 8 })
  })

  test('whose exported file was changed is found out', async () => {
    await writeFile(file('changed'), (await readFile(file('first'), 'utf8')).replace('thing-2', 'thing-3'))
    const found = await audit('--check', '--file', file('changed'))
    expect([found.code, found.json]).toMatchObject([1, [{ ok: false, fault: { seq: 2, kind: 'changed' } }]])
    await writeFile(file('other'), '{"a": 1}\n')
    await expect(checkFile(file('other'))).rejects.toMatchObject({ code: 'usage' })
  })

  test('loses nothing but what its own newest row of pruning names', async () => {
    for (let n = 10; n <= 14; n++) await record(ORG, n)
    const gone = (where: string) => installation.pool.query(`delete from sync.audit_log where org_id = '${ORG}' and ${where}`)
    for (const where of ['seq = 9', 'seq = 11', 'seq > 12', 'true']) await expect(gone(where)).rejects.toThrow('is refused')
    const lie = (facts: string) =>
      inTransaction(installation.pool, async (client) => {
        await client.query(
          `insert into sync.audit_log (org_id, action, subject, facts) values ('${ORG}', 'audit.pruned', '', $1)`,
          [facts],
        )
        await client.query(`delete from sync.audit_log where org_id = '${ORG}' and seq <= 10`)
      })
    await expect(lie('{"through": 10, "hash": "00"}')).rejects.toThrow('is refused')
    await expect(lie('{}')).rejects.toThrow('is refused')
    expect(await checkTrail(installation.pool, ORG)).toMatchObject({ fault: null, pruned: 8 })
  })

  test('that is broken is not exported', async () => {
    await inTransaction(installation.pool, async (client) => {
      await client.query('alter table sync.audit_log disable trigger user')
      await client.query(`update sync.audit_log set actor = 'nobody' where org_id = '${ORG}' and seq = 11`)
      await client.query('alter table sync.audit_log enable trigger user')
    })
    const refused = await prune('broken', '0s')
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('row 11 is not what was written')])
    await expect(readFile(file('broken'))).rejects.toThrow('ENOENT')
    expect(await seqs()).toContain(9)
  })
})

describe('what the owner of the tables does to a trail of six rows', () => {
  let trails = 0

  /** Runs statements with all triggers off; `$org` in them is the organisation. */
  const asOwner = (org: string, statements: readonly string[]): Promise<void> =>
    inTransaction(installation.pool, async (client) => {
      const tables = ['audit_log', 'audit_heads']
      for (const table of tables) await client.query(`alter table sync.${table} disable trigger user`)
      for (const statement of statements) await client.query(statement.replaceAll('$org', `'${org}'`))
      for (const table of tables) await client.query(`alter table sync.${table} enable trigger user`)
    })

  /** A new trail to which that was done. */
  const tampered = async (...statements: readonly string[]): Promise<string> => {
    const org = `tampered-${trails++}`
    for (let n = 1; n <= 6; n++) await record(org, n)
    await asOwner(org, statements)
    return org
  }

  const LOG = 'sync.audit_log'
  const renumber = (from: number, to: number) => `update ${LOG} set seq = ${to} where org_id = $org and seq = ${from}`
  const REHASH = `do $do$ declare entry ${LOG}; last bytea := ''; begin
    for entry in select * from ${LOG} where org_id = $org order by seq loop
      entry.previous_hash := last; last := sync.audit_hash(entry);
      update ${LOG} set previous_hash = entry.previous_hash, hash = last where org_id = $org and seq = entry.seq;
    end loop;
    update sync.audit_heads set hash = last, seq = entry.seq where org_id = $org; end $do$`

  test.each([
    {
      what: 'a changed fact',
      seq: 3,
      kind: 'changed',
      by: [`update ${LOG} set facts = '{"n": 4}' where org_id = $org and seq = 3`],
    },
    {
      what: 'a changed time',
      seq: 3,
      kind: 'changed',
      by: [`update ${LOG} set at = at + interval '1 microsecond' where org_id = $org and seq = 3`],
    },
    { what: 'a missing row', seq: 3, kind: 'missing', by: [`delete from ${LOG} where org_id = $org and seq = 3`] },
    {
      what: 'a missing row that was closed up',
      seq: 3,
      kind: 'unlinked',
      by: [`delete from ${LOG} where org_id = $org and seq = 3`, renumber(4, 3), renumber(5, 4), renumber(6, 5)],
    },
    { what: 'a cut tail', seq: 5, kind: 'missing', by: [`delete from ${LOG} where org_id = $org and seq > 4`] },
    { what: 'a cut beginning', seq: 1, kind: 'missing', by: [`delete from ${LOG} where org_id = $org and seq < 3`] },
    { what: 'all rows gone', seq: 1, kind: 'missing', by: [`delete from ${LOG} where org_id = $org`] },
    { what: 'a swapped pair', seq: 3, kind: 'unlinked', by: [renumber(3, 99), renumber(4, 3), renumber(99, 4)] },
    {
      what: 'an inserted row',
      seq: 4,
      kind: 'unlinked',
      by: [
        renumber(6, 7),
        renumber(5, 6),
        renumber(4, 5),
        `insert into ${LOG} select org_id, 4, at, actor, action, subject, facts, hash, hash from ${LOG} where org_id = $org and seq = 2`,
      ],
    },
    {
      what: 'a row added at the end',
      seq: 7,
      kind: 'unlinked',
      by: [
        `insert into ${LOG} select org_id, 7, at, actor, action, subject, facts, previous_hash, hash from ${LOG} where org_id = $org and seq = 6`,
      ],
    },
    { what: 'a lost head', seq: 7, kind: 'missing', by: ['delete from sync.audit_heads where org_id = $org'] },
  ])('$what is found at row $seq', async ({ seq, kind, by }) => {
    const org = await tampered(...by)
    expect((await checkTrail(installation.pool, org)).fault).toMatchObject({ seq, kind })
  })

  test('ends the check with 1, which names the first bad row of each trail and clears the others', async () => {
    const org = await tampered(`update ${LOG} set actor = 'nobody' where org_id = $org and seq in (2, 5)`)
    const { code, json } = await installation.cli(['audit', '--check', '--json'])
    expect(code).toBe(1)
    expect(json).toContainEqual(
      expect.objectContaining({ org, ok: false, fault: expect.objectContaining({ seq: 2, kind: 'changed' }) }),
    )
    expect(json).toContainEqual(expect.objectContaining({ org: 'acme', ok: true }))
  })

  test('and hashes anew from end to end is found by a head that was kept, and by that alone', async () => {
    const org = await tampered()
    const [head] = await auditHeads(installation.pool, org)
    await record(org, 7)
    expect(await checkTrail(installation.pool, org, head)).toMatchObject({ fault: null, seq: 7 })
    await asOwner(org, [`update ${LOG} set actor = 'nobody' where org_id = $org and seq = 2`, REHASH])
    expect(await checkTrail(installation.pool, org)).toMatchObject({ fault: null })
    const found = await installation.cli(['audit', '--check', '--org', org, '--expect', `${head?.seq}:${head?.hash}`, '--json'])
    expect([found.code, found.json]).toMatchObject([1, [{ ok: false, fault: { seq: 6, kind: 'rewritten' } }]])
  })
})
