// `syncline org fields`: which attributes of an organisation's records are dropped, hashed or masked before anything of them is stored.
import { Command } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { listFieldRules, putFieldRule, removeFieldRule, type StoredFieldRule } from '../ledger/field-rules.ts'
import type { Connection } from '../ledger/organisations.ts'
import { FIELD_ACTIONS, type FieldRule, problemOfRule } from '../manifests/field-rule.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type PoolClient } from '../platform/postgres.ts'
import { suggest } from '../platform/suggest.ts'
import { parseOrgId, requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { print, printJson, say, table } from './terminal.ts'
import { moment } from './words.ts'

const TEXT = `
A rule holds for all accounts of the organisation, from the moment that the command tells; what was received before stays as it is until it
is fetched again: syncline sync --org ID. A hash is an HMAC-SHA-256 under a key of the organisation; a mask leaves of a text ***, and of a
date its year.

Examples:
  $ syncline org fields acme --entity person --drop medical_notes
  $ syncline org fields acme --entity person --mask birthdate --when child
  $ syncline org fields acme --entity email --hash address
  $ syncline org fields acme --entity person --keep medical_notes
  $ syncline org fields acme --json`

interface FieldsOptions extends Partial<Record<FieldRule['action'] | 'keep', readonly string[]>> {
  readonly entity?: string
  readonly when?: string
  readonly unlisted?: boolean
  readonly json?: boolean
}

const names = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...value.split(',').filter((name) => name !== ''),
]

export const orgFieldsCommand = (): Command =>
  new Command('fields')
    .description('attributes that are not to be held as they come; without options: list them')
    .argument('<id>', 'the organisation')
    .option('--entity <name>', 'of whose records')
    .option('--drop <attributes>', 'leave these out', names)
    .option('--hash <attributes>', 'a keyed hash in their place', names)
    .option('--mask <attributes>', 'a mask in their place', names)
    .option('--keep <attributes>', 'take the rules of these away', names)
    .option('--when <attribute>', 'only where this attribute of the record is not false, e.g. child')
    .option('--unlisted', 'attributes that the API sends and the manifest does not know')
    .option('--json', 'one JSON line for each rule')
    .addHelpText('after', TEXT)
    .action((id: string, options: FieldsOptions) => withLedger((runtime) => fields(runtime, parseOrgId(id), options)))

interface Change {
  readonly put: readonly FieldRule[]
  readonly removed: readonly string[]
}

const fields = async (runtime: Runtime, orgId: string, options: FieldsOptions): Promise<void> => {
  const connections = await requireOrg(runtime, orgId)
  const change = changeOf(options)
  if (change === undefined) return list(await listFieldRules(runtime.pool, orgId), orgId, options)
  checkChange(connections, change, options)
  await inTransaction(runtime.pool, (client) => carryOut(client, orgId, options.entity ?? '', change))
  const rules = await listFieldRules(runtime.pool, orgId)
  list(rules, orgId, options)
  const inForce = rules.filter(({ attribute }) => change.put.some((rule) => rule.attribute === attribute))
  const [last] = inForce.map(({ inForceAt }) => inForceAt).sort((a, b) => b.getTime() - a.getTime())
  if (last !== undefined) say(`All workers go by it from ${moment(last)} on. Rows of before: syncline sync --org ${orgId}`)
}

/** Undefined: nothing is to be changed. Throws SynclineError('usage') for options that do not belong together. */
const changeOf = ({ entity, when, keep = [], ...options }: FieldsOptions): Change | undefined => {
  const put = FIELD_ACTIONS.flatMap((action) =>
    (options[action] ?? []).map((attribute): FieldRule => ({ entity: entity ?? '', attribute, action, when: when ?? null })),
  )
  const named = [...put.map(({ attribute }) => attribute), ...keep]
  if (named.length === 0 && entity === undefined && when === undefined) return undefined
  const twice = named.find((name, n) => named.indexOf(name) !== n)
  if (twice !== undefined) throw new SynclineError('usage', `${twice} is named twice.`, { remedy: 'An attribute has one rule.' })
  if (entity === undefined || named.length === 0) {
    throw new SynclineError('usage', 'A rule needs an entity and what becomes of which attribute.', {
      remedy: 'For instance: --entity person --drop medical_notes',
    })
  }
  return { put, removed: keep }
}

/** At least one account must have the entity, and every one that has it must be able to obey. */
const checkChange = (connections: readonly Connection[], { put }: Change, options: FieldsOptions): void => {
  const { entity = '', unlisted = false } = options
  const manifests = [...new Set(connections.map(({ adapter }) => adapter))].map((name) => adapterByName(name).manifest)
  const having = manifests.filter((manifest) => manifest.has(entity))
  // None has it: the error with the nearest names is the manifest's.
  for (const manifest of having.length === 0 ? manifests : having) {
    manifest.get(entity)
    for (const rule of put) {
      if (!unlisted) checkKnown(manifest, rule)
      checkFieldRule(manifest, rule)
    }
  }
}

const checkKnown = (manifest: Manifest, { entity, attribute }: FieldRule): void => {
  const known = Object.keys(manifest.get(entity).attributes.shape)
  if (known.includes(attribute)) return
  throw new SynclineError('usage', `The manifest knows no attribute '${attribute}' of ${entity}.`, {
    remedy: `${suggest(attribute, known)} If the API sends it nevertheless: --unlisted`,
  })
}

/** Throws SynclineError('usage') for a rule that the manifest cannot obey. */
export const checkFieldRule = (manifest: Manifest, rule: FieldRule): void => {
  const problem = problemOfRule(manifest, rule)
  if (problem !== undefined) throw new SynclineError('usage', problem.message, { remedy: problem.remedy })
}

const carryOut = async (client: PoolClient, orgId: string, entity: string, { put, removed }: Change): Promise<void> => {
  for (const rule of put) await putFieldRule(client, orgId, rule)
  for (const attribute of removed) {
    if (await removeFieldRule(client, orgId, { entity, attribute })) continue
    throw new SynclineError('usage', `${attribute} of ${entity} has no rule.`, {
      remedy: `Nothing was changed. See: syncline org fields ${orgId}`,
    })
  }
}

const list = (rules: readonly StoredFieldRule[], orgId: string, { json }: FieldsOptions): void => {
  if (json) for (const rule of rules) printJson(ruleLine(rule))
  else if (rules.length === 0) say(`${orgId} has no field rules: all is held as it comes.`)
  else
    print(
      table(
        ['ENTITY', 'ATTRIBUTE', 'RULE', 'WHEN', 'IN FORCE'],
        rules.map(({ entity, attribute, action, when, inForceAt }) => [
          entity,
          attribute,
          action,
          when ?? 'always',
          moment(inForceAt),
        ]),
      ),
    )
}

const ruleLine = ({ orgId, inForceAt, ...rule }: StoredFieldRule) => ({
  type: 'field-rule',
  org: orgId,
  ...rule,
  inForceAt: inForceAt.toISOString(),
})
