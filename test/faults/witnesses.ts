// What watches an installation while faults are injected: updates to an older version, secrets where none may be, memory.
import { readFileSync } from 'node:fs'
import { createKafka } from '../../platform/kafka/client.ts'
import { createConsumer } from '../../platform/kafka/consumer.ts'
import type { Message } from '../../platform/kafka/record-batch.ts'
import { silentLogger } from '../../platform/logger.ts'
import type { Pool } from '../../platform/postgres.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import type { Environment } from '../harness/installation.ts'

/** The rule of versions, told again rather than taken from the code that is to keep it. */
const IS_OLDER = `case when old.deleted_at is not null or new.deleted_at is not null then new.observed_at < old.observed_at
  else (coalesce(new.source_updated_at, '-infinity'), new.observed_at, new.mapping_revision)
    < (coalesce(old.source_updated_at, '-infinity'), old.observed_at, old.mapping_revision) end`

/** Logs each update that puts an older version in the place of a newer one (M4), whoever does it. */
export const watchVersions = async (pool: Pool): Promise<void> => {
  await pool.query(`
    create schema faults;
    create table faults.older_updates (at timestamptz default now(), entity text, org_id text, id uuid, was jsonb, became jsonb);
    create function faults.log_older() returns trigger language plpgsql as $$
    begin
      if (${IS_OLDER}) then
        insert into faults.older_updates (entity, org_id, id, was, became) values (tg_table_name, old.org_id, old.id,
          jsonb_build_object('source_updated_at', old.source_updated_at, 'observed_at', old.observed_at, 'deleted_at', old.deleted_at),
          jsonb_build_object('source_updated_at', new.source_updated_at, 'observed_at', new.observed_at, 'deleted_at', new.deleted_at));
      end if;
      return null;
    end $$`)
  for (const { table } of canonicalEntities) {
    await pool.query(
      `create trigger faults_older after update on canonical.${table} for each row execute function faults.log_older()`,
    )
  }
}

/** Every secret that a test may choose begins so. */
export const CANARY = 'canary-'

/** How a secret is told in an Authorization header, as far as its beginning goes. */
const basicMark = (user: string): string => {
  const bytes = Buffer.from(`${user}:${CANARY}`)
  return bytes.subarray(0, bytes.length - (bytes.length % 3)).toString('base64')
}

/** Texts that give away a secret: planted ones in each form that they take, and of this environment the key and the passwords. */
export const secretMarks = (env: Environment): readonly string[] => {
  const key = Buffer.from(env['SYNCLINE_ENCRYPTION_KEY'] ?? '', 'base64')
  const { password } = new URL(env['SYNCLINE_DATABASE_URL'] ?? '')
  const forms = (['base64', 'base64url', 'hex'] as const).map((form) => key.toString(form))
  return [CANARY, Buffer.from(CANARY).toString('hex'), basicMark('app'), basicMark(REGISTRY_USER), ...forms, password]
}

/** As whom workers come to the schema registry, which asks for nobody: for the password that they then have. */
export const REGISTRY_USER = 'faults'

export type HoldsSecret = (text: string | Buffer) => boolean

export const secretFinder = (marks: readonly string[]): HoldsSecret => {
  if (marks.some((mark) => mark.length < CANARY.length)) throw new Error('A secret of this installation is too short to look for')
  return (text) => marks.some((mark) => text.includes(mark))
}

export interface SecretWatch {
  /** Topics on which a secret was seen. */
  readonly found: ReadonlySet<string>
  read(): number
  stop(): Promise<void>
}

/** Reads all topics from their beginning, as a group of its own. */
export const watchTopics = async (
  brokers: string,
  prefix: string,
  topics: readonly string[],
  holdsSecret: HoldsSecret,
): Promise<SecretWatch> => {
  const messageHoldsSecret = ({ key, value, headers }: Message): boolean =>
    holdsSecret(key ?? '') || holdsSecret(JSON.stringify(headers)) || (value !== null && holdsSecret(value))

  const found = new Set<string>()
  let messages = 0
  const kafka = createKafka({ brokers: [brokers], clientId: 'faults', log: silentLogger })
  const consumer = createConsumer(
    kafka,
    { groupId: `${prefix}faults.secrets`, topics, log: silentLogger },
    {
      onBatch: (batch) => {
        messages += batch.messages.length
        if (batch.messages.some(messageHoldsSecret)) found.add(batch.topic)
      },
      onAssigned: () => undefined,
    },
  )
  await consumer.start()
  return { found, read: () => messages, stop: () => consumer.stop() }
}

/** Tables with a row that holds a secret in clear. */
export const tablesWithSecrets = async (pool: Pool, marks: readonly string[]): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('sync', 'canonical')`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    // A name of the server's own catalogue, quoted there.
    const { rowCount } = await pool.query(`select from ${name} as t where t::text like any ($1) limit 1`, [
      marks.map((mark) => `%${mark}%`),
    ])
    if (rowCount !== 0) found.push(name)
  }
  return found
}

/** What anybody on the machine can see of a process; empty when it is gone. */
export const commandLineOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

/** Resident memory of a process in MB; undefined when it is gone. */
export const residentMb = (pid: number): number | undefined => {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024
  } catch {
    return undefined
  }
}
