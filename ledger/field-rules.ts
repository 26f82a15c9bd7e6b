// Field rules of organisations: which attributes must not be held as they come. Applied in producers; what they mean: manifests/field-rules.ts.
import type { FieldRule } from '../manifests/field-rule.ts'
import type { Queryable } from '../platform/postgres.ts'

/**
 * So long at most may a worker go by what stood there before: a minute's life of its connection, a slice, and its last page, whose request
 * may be refused once, with tokens refreshed before and after.
 */
export const IN_FORCE_AFTER_S = 240

export interface StoredFieldRule extends FieldRule {
  readonly orgId: string
  /** From when on every worker goes by it. */
  readonly inForceAt: Date
}

/** By organisation, entity and attribute; of all organisations or one. */
export const listFieldRules = async (client: Queryable, orgId?: string): Promise<readonly StoredFieldRule[]> => {
  const { rows } = await client.query<StoredFieldRule>(
    `select org_id as "orgId", entity, attribute, action, when_attribute as "when",
       set_at + make_interval(secs => ${IN_FORCE_AFTER_S}) as "inForceAt"
     from sync.field_rules where $1::text is null or org_id = $1 order by org_id, entity, attribute`,
    [orgId ?? null],
  )
  return rows
}

/** One attribute has one rule: another takes its place. */
export const putFieldRule = async (
  client: Queryable,
  orgId: string,
  { entity, attribute, action, when }: FieldRule,
): Promise<'added' | 'changed' | 'unchanged'> => {
  const { rows } = await client.query<{ added: boolean }>(
    `insert into sync.field_rules as r (org_id, entity, attribute, action, when_attribute) values ($1, $2, $3, $4, $5)
     on conflict (org_id, entity, attribute) do update set action = $4, when_attribute = $5, set_at = now()
       where (r.action, r.when_attribute) is distinct from ($4, $5)
     returning xmax = 0 as added`,
    [orgId, entity, attribute, action, when],
  )
  if (rows[0] === undefined) return 'unchanged'
  return rows[0].added ? 'added' : 'changed'
}

/** False: there was none. */
export const removeFieldRule = async (
  client: Queryable,
  orgId: string,
  { entity, attribute }: Pick<FieldRule, 'entity' | 'attribute'>,
): Promise<boolean> => {
  const { rowCount } = await client.query('delete from sync.field_rules where (org_id, entity, attribute) = ($1, $2, $3)', [
    orgId,
    entity,
    attribute,
  ])
  return rowCount === 1
}

/** By organisation: when the newest of its rules came into force. */
export const rulesInForceSince = async (client: Queryable): Promise<ReadonlyMap<string, Date>> => {
  const rules = await listFieldRules(client)
  return new Map(
    rules.toSorted((a, b) => a.inForceAt.getTime() - b.inForceAt.getTime()).map((rule) => [rule.orgId, rule.inForceAt]),
  )
}
