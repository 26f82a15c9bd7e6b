// The SQL of a merge, per entity: pure text. Staged rows are numbered by `pos` from 0; outcomes come back as one string with a letter
// per staged row. Rows are written, and so locked, in the order of their ids.
import { HINT_OBSERVED_AT_SQL, HINT_REVISION } from '../../topics/hints.ts'
import { overtakenSql } from '../overtaken.ts'
import { doubtfulSql, newerSql } from '../version.ts'
import { type Layout, listed, ORIGIN_COLUMNS, quoted, VERSION_COLUMNS } from './layout.ts'

/** n merged as a new row, m merged over a row that stood, u unchanged, r unchanged but observed later, s stale, p parked, x refused: it has no outcome and becomes a dead letter. */
export type OutcomeLetter = 'n' | 'm' | 'u' | 'r' | 's' | 'p' | 'x'

const COMPARED = ['id', 'source_updated_at', 'deleted_at', ...VERSION_COLUMNS].map(quoted)

// "offset 0" keeps the look-up a look-up by key for each row: without it the planner, which knows nothing of a temporary
// table's size, reads the whole table once it has guessed wrong.
const current = ({ table }: Layout): string =>
  `left join lateral (select ${COMPARED.join(', ')} from ${table} c where c.org_id = s.org_id and c.id = s.id offset 0) t on true`

const parentMissing = ({ parents }: Layout): string =>
  parents
    .map(
      ({ column, table }) =>
        `(s.${quoted(column)} is not null and not exists (select from ${table} p where p.org_id = s.org_id and p.id = s.${quoted(column)} offset 0))`,
    )
    .join(' or ') || 'false'

const outcome = (layout: Layout): string => `case
    when t.id is not null and t.content_hash = s.content_hash then
      case when (s.source_updated_at is null or s.deleted_at is not null or t.observed_at = ${HINT_OBSERVED_AT_SQL})
        and s.observed_at > t.observed_at then 'r' else 'u' end
    when t.id is not null and not (${newerSql('s', 't')}) then 's'
    when ${parentMissing(layout)} then 'p'
    when t.id is null then 'n'
    else 'm' end`

/** A deletion that was only told is confirmed by the API, whether or not there is a row. */
const unconfirmed = `(s.deleted_at is not null and s.mapping_revision = ${HINT_REVISION} and t.id is null)`

/** One row: `outcomes`, and in `doubtful` the `pos` of those that are to be asked for by id. Locks nothing. */
export const judgeStatement = (layout: Layout): string => `
  select string_agg(${outcome(layout)}, '' order by s.pos) as outcomes,
    array_agg(s.pos) filter (where ${unconfirmed} or (t.id is not null and (${doubtfulSql('s', 't')} or ${overtakenSql('s', 't')}))) as doubtful
  from ${layout.staged} s ${current(layout)}`

/**
 * Of living records with a source_updated_at, by keys and content hashes ($1 to $3): one row, a letter for each in their order, 'u' where
 * the usual judgement would give it.
 */
export const unchangedStatement = ({ table }: Layout): string => `
  select string_agg(case when exists (
      select from ${table} t where t.org_id = s.org_id and t.id = s.id and t.content_hash = s.content_hash
        and t.observed_at <> ${HINT_OBSERVED_AT_SQL} offset 0)
    then 'u' else '-' end, '' order by s.pos) as marks
  from unnest($1::text[], $2::uuid[], $3::uuid[]) with ordinality s(org_id, id, content_hash, pos)`

/** What is needed to ask for the staged rows in $1 (by `pos`). */
export const stagedKeysStatement = ({ staged }: Layout): string =>
  `select org_id, source, external_id from ${staged} where pos = any($1::int[])`

const isKey = (name: string): boolean => name === 'org_id' || name === 'id'

const assignments = ({ record }: Layout): string =>
  record
    .filter(({ name }) => !isKey(name))
    .map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`)
    .join(', ')

/**
 * Writes staged rows, all or (`some`) those whose `pos` is in $1. The guard is asked again of the row as it then is, because
 * another merge may have come between; the number of rows written tells.
 */
export const putStatement = (layout: Layout, some: boolean): string =>
  putWhere(layout, some ? 'where s.pos = any($1::int[])' : '')

const putWhere = (layout: Layout, condition: string): string => `
  insert into ${layout.table} as t (${listed(layout.record)}, first_run_id, last_changed_run_id)
  select ${listed(layout.record, 's')}, s.run_id, s.run_id from ${layout.staged} s
  ${condition} order by s.id
  on conflict (org_id, id) do update set ${assignments(layout)}, last_changed_run_id =
    case when t.content_hash = excluded.content_hash then t.last_changed_run_id else excluded.last_changed_run_id end
  where ${newerSql('excluded', 't')}`

const LARGEST_PIECE = 1024

/**
 * Writes the staged rows named by the setting syncline.positions (an array of `pos`), in pieces: each in a subtransaction, smaller
 * after one that is refused and larger after one that is not, until a row that is refused stands alone. Leaves in the settings
 * syncline.written how many rows were written, and in syncline.refused a JSON array of [pos, condition, constraint or column].
 */
export const putInPiecesStatement = (layout: Layout): string => `do $pieces$
  declare
    rows_at tid[]; positions int[]; total int; low int := 1; high int; size int := 8;
    piece_rows bigint; written bigint := 0; refused jsonb[] := '{}'; sql_state text; named text; col text;
  begin
    -- Planning the statement takes longer than running it, and pieces differ in nothing that a plan could use.
    set local plan_cache_mode = force_generic_plan;
    select array_agg(s.ctid order by s.id), array_agg(s.pos order by s.id), count(*) into rows_at, positions, total
      from ${layout.staged} s where s.pos = any(current_setting('syncline.positions')::int[]);
    while low <= total loop
      high := least(low + size - 1, total);
      begin
        ${putWhere(layout, 'where s.ctid = any(rows_at[low:high])')};
        get diagnostics piece_rows = row_count;
        written := written + piece_rows;
        low := high + 1;
        size := least(size * 2, ${LARGEST_PIECE});
      exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if low = high then
          get stacked diagnostics sql_state = returned_sqlstate, named = constraint_name, col = column_name;
          refused := refused || jsonb_build_array(positions[low], sql_state, coalesce(nullif(named, ''), col));
          low := low + 1;
        end if;
        size := greatest((high - low + 1) / 2, 1);
      end;
    end loop;
    perform set_config('syncline.written', written::text, true), set_config('syncline.refused', to_jsonb(refused)::text, true);
  end $pieces$`

/**
 * One row: `violated`, SQL text of values (condition, name, whether a row violates it), for each check and each column that must not
 * be null of the table $1; null when there are none. Of tables as they are now: who runs them may have added to ours.
 */
export const CHECKS_STATEMENT = `
  select string_agg(v, ', ') as violated from (
    select format('(%L, %L, (%s) is false)', '23514', conname, pg_get_expr(conbin, conrelid)) as v
    from pg_constraint where conrelid = $1::regclass and contype = 'c'
    union all
    select format('(%L, %L, %I is null)', '23502', attname, attname)
    from pg_attribute where attrelid = $1::regclass and attnotnull and attnum > 0 and not attisdropped) checks`

/** Each staged row in $1 (by `pos`) that violates one of the checks, all at once: condition and name of the first. */
export const violationsStatement = ({ staged }: Layout, violated: string): string => `
  select distinct on (s.pos) s.pos, v.state, v.name
  from (select *, run_id as first_run_id, run_id as last_changed_run_id from ${staged}) s
  cross join lateral (values ${violated}) as v(state, name, violated)
  where v.violated and s.pos = any($1::int[]) order by s.pos, v.name`

const RECORD_AND_ORIGIN = (layout: Layout): string => listed([...layout.record, ...ORIGIN_COLUMNS])

const ORIGINALS = 'unnest($1::int[], $3::bytea[], $4::text[]) as o(pos, value, replays)'

/**
 * Parks the staged rows whose `pos` is in $1, except those of ids that are parked already; returns the ids it parked. $2 is a JSON
 * object: `pos` to the external ids of the row's parents. $3 and $4, in the order of $1: the record's bytes, and its header of the
 * letter that is replayed with it.
 */
export const parkStatement = (layout: Layout): string => `
  insert into ${layout.parked} (${RECORD_AND_ORIGIN(layout)}, parents, value, replays)
  select ${listed([...layout.record, ...ORIGIN_COLUMNS], 's')}, $2::jsonb -> s.pos::text, o.value, o.replays
  from ${ORIGINALS} join ${layout.staged} s on s.pos = o.pos order by s.id
  on conflict (org_id, id) do nothing returning id`

const sameOrigin = ORIGIN_COLUMNS.map(({ name }) => `p.${quoted(name)} is not distinct from s.${quoted(name)}`).join(' and ')

/** Locks the parked rows of the same ids as the staged rows in $1 and compares: `newer` is the staged row's. */
export const compareParkedStatement = (layout: Layout): string => `
  select s.pos, ${listed(ORIGIN_COLUMNS, 'p')}, p.content_hash = s.content_hash as same, ${newerSql('s', 'p')} as newer,
    (${sameOrigin}) as own, (${doubtfulSql('s', 'p')} or ${overtakenSql('s', 'p')}) as doubtful
  from ${layout.parked} p join ${layout.staged} s on s.org_id = p.org_id and s.id = p.id
  where s.pos = any($1::int[]) order by p.id for update of p`

/** Puts the staged rows in $1 in the place of the parked rows of the same ids, which the caller has locked. $2 to $4 as in `parkStatement`. */
export const replaceParkedStatement = (layout: Layout): string => `
  update ${layout.parked} p set ${[...layout.record, ...ORIGIN_COLUMNS]
    .filter(({ name }) => !isKey(name))
    .map(({ name }) => `${quoted(name)} = s.${quoted(name)}`)
    .join(', ')}, parents = $2::jsonb -> s.pos::text, value = o.value, replays = o.replays, parked_at = now()
  from ${ORIGINALS} join ${layout.staged} s on s.pos = o.pos where s.org_id = p.org_id and s.id = p.id`

const stageParked = (layout: Layout, condition: string): string => `
  insert into ${layout.staged} (${RECORD_AND_ORIGIN(layout)}, pos)
  select ${listed([...layout.record, ...ORIGIN_COLUMNS], 's')}, row_number() over (order by s.id) - 1 from ${layout.parked} s
  where ${condition} order by s.id`

/** Stages up to $2 parked rows of organisation $1 whose parents are there, or which a row in the table has overtaken. */
export const stageAllParkedStatement = (layout: Layout): string =>
  `${stageParked(
    layout,
    `s.org_id = $1 and (not (${parentMissing(layout)}) or exists (
    select from ${layout.table} t where t.org_id = s.org_id and t.id = s.id and not (${newerSql('s', 't')})))`,
  )} limit $2`

const KEYS = (parameter: number): string => `unnest($${parameter}::text[], $${parameter + 1}::uuid[]) k(org_id, id)`

/**
 * Stages the parked rows of the given keys ($1, $2) and the parked children of the given parents (two parameters for each parent
 * column, in the layout's order). Keys are organisations and ids. Whether all parents are there is judged once they are staged.
 */
export const stageParkedOfStatement = (layout: Layout): string => {
  const children = layout.parents.map(
    ({ column }, i) => `
    union select p.org_id, p.id from ${layout.parked} p join ${KEYS(3 + 2 * i)} on p.org_id = k.org_id and p.${quoted(column)} = k.id`,
  )
  const candidates = `select p.org_id, p.id from ${layout.parked} p join ${KEYS(1)} on p.org_id = k.org_id and p.id = k.id${children.join('')}`
  return stageParked(layout, `(s.org_id, s.id) in (${candidates})`)
}

/** Takes away the parked rows that were staged and settled (`pos` in $1), unless a newer one is there by now. */
export const unparkStatement = (layout: Layout): string => `
  delete from ${layout.parked} p using ${layout.staged} s
  where s.org_id = p.org_id and s.id = p.id and s.pos = any($1::int[])
    and (p.observed_at, p.mapping_revision, p.content_hash) = (s.observed_at, s.mapping_revision, s.content_hash)
  returning s.pos, ${listed(ORIGIN_COLUMNS, 'p')}`
