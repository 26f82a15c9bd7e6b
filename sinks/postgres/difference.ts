// The SQL that compares a table with its records made again from a topic, per entity: pure text. The newest version of each record
// stands in one temporary table, what differs in another; both live as long as their connection.
import { newerSql, replacesWhenRaisedSql } from '../version.ts'
import { type Column, type Layout, listed, quoted, VERSION_COLUMNS } from './layout.ts'

/**
 * only-table: a living row that the topic does not have. only-topic: no row. changed: the topic's record would replace the row.
 * newer: the row is newer than anything on the topic. deleted: the row was deleted after what the topic has. parked: it waits for
 * its parent.
 */
export const DIFFERENCE_KINDS = ['changed', 'only-topic', 'only-table', 'newer', 'deleted', 'parked'] as const
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

/** Those that are mended by producing the topic's record again. */
export const MENDED_KINDS = ['changed', 'only-topic'] as const satisfies readonly DifferenceKind[]

const ARRIVED = 'rederived_arrived'
const NEWEST = 'rederived_newest'
const DIFFERENCE = 'rederived_difference'

/** A hash that no record has and that is below all others, so that the very same version of the record replaces the row. */
const NO_HASH = '00000000-0000-0000-0000-000000000000'

const MESSAGE: Column = { name: 'message', pgType: 'bytea' }
const KEY = ['id', 'org_id']

const all = ({ record }: Layout): readonly Column[] => [...record, MESSAGE]

/** What a source says, with what else identifies the record there: a row that differs in these is another. */
export const comparedColumns = ({ record }: Layout): readonly Column[] => {
  const versions: readonly string[] = VERSION_COLUMNS
  return record.filter(({ name }) => !KEY.includes(name) && !versions.includes(name))
}

export const createStatements = (layout: Layout): readonly string[] => {
  const columns = all(layout)
    .map(({ name, pgType }) => `${quoted(name)} ${pgType}`)
    .join(', ')
  return [
    `create temp table ${ARRIVED} (${columns})`,
    `create temp table ${NEWEST} (${columns}, primary key (id))`,
    `create temp table ${DIFFERENCE} (id uuid primary key, source text, external_id text, kind text, columns text[], altered boolean, revision integer)`,
  ]
}

/** The Avro message that a record was is a column more. */
export const copyArrivedStatement = (layout: Layout): string =>
  `copy ${ARRIVED} (${listed(all(layout))}) from stdin (format binary)`

/** Of the records that have arrived and those before, the newest of each id; ids in one batch are distinct. */
export const absorbStatements = (layout: Layout): readonly string[] => [
  `insert into ${NEWEST} as t (${listed(all(layout))}) select ${listed(all(layout))} from ${ARRIVED} order by id
   on conflict (id) do update set ${all(layout)
     .filter(({ name }) => !KEY.includes(name))
     .map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`)
     .join(', ')}
   where ${newerSql('excluded', 't')}`,
  `truncate ${ARRIVED}`,
]

/** Takes records away that are gone from the topic. $1: ids. */
export const forgetStatement = `delete from ${NEWEST} where id = any($1::uuid[])`

const isParked = ({ parents, parked }: Layout): string =>
  parents.length === 0
    ? 'false'
    : `exists (select from ${parked} p where p.org_id = s.org_id and p.id = s.id
        and (p.content_hash = s.content_hash or ${newerSql('p', 's')}))`

const kindOf = (layout: Layout): string => `case
    when s.id is null then 'only-table'
    when t.id is null then case when ${isParked(layout)} then 'parked' else 'only-topic' end
    when ${replacesWhenRaisedSql('s', 't')} then 'changed'
    when t.deleted_at is not null and s.deleted_at is null then 'deleted'
    else 'newer' end`

const changedColumns = (compared: readonly Column[]): string => {
  const named = compared.map(({ name }) => {
    const [here, there] = [`t.${quoted(name)}`, `s.${quoted(name)}`]
    return `case when ${here} is distinct from ${there} then '${name}' end`
  })
  return `array_remove(array[${named.join(', ')}], null)`
}

/**
 * Rows of organisation $1 and sources $2 against the newest records. All columns are compared and not the hashes alone: a row that
 * was changed by hand has the hash that it had before.
 */
export const compareStatement = (layout: Layout): string => {
  const compared = comparedColumns(layout)
  const both = 's.id is not null and t.id is not null'
  return `
  insert into ${DIFFERENCE} (id, source, external_id, kind, columns, altered, revision)
  select coalesce(s.id, t.id), coalesce(s.source, t.source), coalesce(s.external_id, t.external_id), ${kindOf(layout)},
    case when ${both} then ${changedColumns(compared)} end, coalesce(s.content_hash = t.content_hash, false),
    case when t.id is null then s.mapping_revision + 1 else greatest(s.mapping_revision, t.mapping_revision + 1) end
  from ${NEWEST} s full join (select * from ${layout.table} where org_id = $1 and source = any($2::text[])) t on t.id = s.id
  where case when s.id is null then t.deleted_at is null else t.id is null or ${isDistinct(compared)} end`
}

const isDistinct = (compared: readonly Column[]): string => {
  const columns = [...compared, { name: 'content_hash', pgType: 'uuid' }]
  return `(${listed(columns, 's')}) is distinct from (${listed(columns, 't')})`
}

/**
 * What became of a record that was produced again, once the sink has passed it. merged: the row is the record. newer: something newer
 * came first. parked: it waits for its parent. refused: none of these, so it is a dead letter.
 */
export const MENDING_OUTCOMES = ['merged', 'newer', 'parked', 'refused'] as const
export type MendingOutcome = (typeof MENDING_OUTCOMES)[number]

/** Rows of `outcome` and `n`: of the records of kinds $2 against the rows of organisation $1 as they are now. */
export const mendedStatement = (layout: Layout): string => `
  select case
    when t.id is null then case when ${isParked(layout)} then 'parked' else 'refused' end
    when not ${isDistinct(comparedColumns(layout))} then 'merged'
    when ${replacesWhenRaisedSql('s', 't')} then 'refused'
    else 'newer' end as outcome, count(*) as n
  from ${DIFFERENCE} d join ${NEWEST} s on s.id = d.id left join ${layout.table} t on t.org_id = $1 and t.id = d.id
  where d.kind = any($2::text[]) group by 1`

export const analyzeStatement = `analyze ${NEWEST}`

/** One row: the number of `records`, and a `revision` above that of every row of kinds $1 (null: there is none). */
export const totalsStatement = `
  select (select count(*) from ${NEWEST}) as records, (select max(revision) from ${DIFFERENCE} where kind = any($1::text[])) as revision`

/** Rows of `kind` and `n`. */
export const kindsStatement = `select kind, count(*) as n from ${DIFFERENCE} group by kind`

/** Rows of `name` and `n`; a row that differs in its hash alone counts there. */
export const columnsStatement = `
  select name, count(*) as n from ${DIFFERENCE},
    unnest(case when columns = '{}' then '{content_hash}' else columns end) as name
  where kind = 'changed' group by name order by n desc, name`

/** The first $2 of kind $1, by id: without the rows' values, or with those of the columns that differ. */
export const examplesStatement = (layout: Layout, withValues: boolean): string =>
  withValues
    ? `select d.id, d.source, d.external_id, d.columns, to_jsonb(t) as here, to_jsonb(s) - '${MESSAGE.name}' as there
       from ${DIFFERENCE} d left join ${NEWEST} s on s.id = d.id left join ${layout.table} t on t.org_id = $3 and t.id = d.id
       where d.kind = $1 order by d.id limit $2`
    : `select id, source, external_id, columns from ${DIFFERENCE} where kind = $1 order by id limit $2`

/** The next $2 messages to be produced again, of kinds $3, after id $1. */
export const mendingStatement = `
  select d.id, d.altered, s.message from ${DIFFERENCE} d join ${NEWEST} s on s.id = d.id
  where d.kind = any($3::text[]) and d.id > $1 order by d.id limit $2`

/**
 * Rows $2 of organisation $1 that were changed without their hash: it is taken away, or the merge would find them unchanged.
 * Only as long as row and record have the same hash. Locks in order of ids, as a merge does.
 */
export const disownStatement = ({ table }: Layout): string => `
  with altered as (select t.id from ${table} t join ${NEWEST} s on s.id = t.id and s.content_hash = t.content_hash
    where t.org_id = $1 and t.id = any($2::uuid[]) order by t.id for update of t)
  update ${table} t set content_hash = '${NO_HASH}' from altered where t.org_id = $1 and t.id = altered.id`
