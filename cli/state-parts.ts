// The parts of the state, each with the line it makes in a file and how such a line is read into the ledger. Must hold: a line is checked whole before anything is written; nothing moves a watermark backwards unasked.
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { adapterByName } from '../adapters/index.ts'
import { listFieldRules, putFieldRule } from '../ledger/field-rules.ts'
import type { Connection } from '../ledger/organisations.ts'
import { listSchedules, saveSchedule } from '../ledger/schedules.ts'
import { importWatermark, readWatermarks } from '../ledger/watermark-state.ts'
import { FIELD_ACTIONS } from '../manifests/field-rule.ts'
import { nextDue } from '../orchestrator/due.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'
import { parseOrgId } from './connection-choice.ts'
import { checkFieldRule } from './org-fields.ts'
import { checkRule, ruleSchema } from './schedule-rule.ts'

/** `kept`: what is there is further on, and --force was not given. */
export type ImportOutcome = 'added' | 'changed' | 'unchanged' | 'kept'

export interface ImportContext {
  /** Of the organisation and source that the line names; where it names no source, any of the organisation. */
  readonly connection: Connection
  readonly now: Date
  readonly force: boolean
}

interface Part<Line> {
  readonly schema: z.ZodType<Line>
  /** The lines of one organisation, or of all. */
  readonly read: (client: Queryable, orgId: string | undefined) => Promise<readonly Line[]>
  /** What a line is about, for messages. */
  readonly subject: (line: Line) => string
  /** Throws SynclineError('usage') when it names what does not exist. */
  readonly check: (line: Line, context: ImportContext) => void
  readonly write: (client: Queryable, line: Line, context: ImportContext) => Promise<ImportOutcome>
}

const part = <Line>(definition: Part<Line>): Part<Line> => definition

const orgSchema = z.string().refine((id) => {
  try {
    return parseOrgId(id) === id
  } catch {
    return false
  }
}, 'cannot be the id of an organisation')

const scheduleSchema = ruleSchema.extend({ type: z.literal('schedule'), org: orgSchema, paused: z.boolean() })
type ScheduleLine = z.infer<typeof scheduleSchema>

const ruleOf = ({ type: _, org, paused: __, ...rule }: ScheduleLine) => ({ orgId: org, ...rule })

const schedules = part<ScheduleLine>({
  schema: scheduleSchema,
  read: async (client, orgId) =>
    (await listSchedules(client, orgId)).map((schedule) => ({
      type: 'schedule',
      org: schedule.orgId,
      name: schedule.name,
      source: schedule.source,
      strategy: schedule.strategy,
      selection: schedule.selection === null ? null : [...schedule.selection],
      cron: schedule.cron,
      everySeconds: schedule.everySeconds,
      timeZone: schedule.timeZone,
      jitterSeconds: schedule.jitterSeconds,
      missed: schedule.missed,
      blackouts: schedule.blackouts.map(({ days, from, to }) => ({ days: [...days], from, to })),
      paused: schedule.pausedAt !== null,
    })),
  subject: ({ org, name }) => `schedule ${name} of ${org}`,
  check: (line, { connection, now }) => void nextDue(checkRule(ruleOf(line), connection.adapter), now, Math.random),
  write: async (client, line, { now }) => {
    const [before] = (await schedules.read(client, line.org)).filter(({ name }) => name === line.name)
    if (before !== undefined && isDeepStrictEqual(before, line)) return 'unchanged'
    const rule = ruleOf(line)
    return saveSchedule(client, rule, nextDue(rule, now, Math.random), line.paused)
  },
})

const watermarkSchema = z.strictObject({
  type: z.literal('watermark'),
  org: orgSchema,
  source: z.string().min(1),
  entity: z.string().min(1),
  at: z.iso.datetime({ offset: true }),
})

const watermarks = part<z.infer<typeof watermarkSchema>>({
  schema: watermarkSchema,
  read: async (client, orgId) =>
    (await readWatermarks(client, orgId)).map(({ orgId, ...mark }) => ({ type: 'watermark', org: orgId, ...mark })),
  subject: ({ org, source, entity }) => `watermark of ${org}/${source}/${entity}`,
  check: ({ entity }, { connection }) => void adapterByName(connection.adapter).manifest.get(entity),
  write: (client, { org, source, entity, at }, { force }) => importWatermark(client, { orgId: org, source, entity, at }, force),
})

const fieldRuleSchema = z.strictObject({
  type: z.literal('field-rule'),
  org: orgSchema,
  entity: z.string().min(1),
  attribute: z.string().min(1),
  action: z.enum(FIELD_ACTIONS),
  when: z.string().min(1).nullable(),
})

const fieldRules = part<z.infer<typeof fieldRuleSchema>>({
  schema: fieldRuleSchema,
  read: async (client, orgId) =>
    (await listFieldRules(client, orgId)).map(({ orgId, inForceAt: _, ...rule }) => ({
      type: 'field-rule',
      org: orgId,
      ...rule,
    })),
  subject: ({ org, entity, attribute }) => `field rule of ${org} for ${entity}.${attribute}`,
  check: (rule, { connection }) => checkFieldRule(adapterByName(connection.adapter).manifest, rule),
  write: (client, { org, ...rule }) => putFieldRule(client, org, rule),
})

const PART_NAMES = ['field-rule', 'schedule', 'watermark'] as const
type PartName = (typeof PART_NAMES)[number]

interface OwnedLine {
  readonly org: string
  readonly source?: string
}

/** A line of a file, checked: what it is about, and how it gets in. */
export interface StateLine {
  readonly type: PartName
  readonly org: string
  /** Null: of the organisation as a whole. */
  readonly source: string | null
  readonly subject: string
  check(context: ImportContext): void
  write(client: Queryable, context: ImportContext): Promise<ImportOutcome>
}

const lineOf = <Line extends OwnedLine>(type: PartName, found: Part<Line>, line: Line): StateLine => ({
  type,
  org: line.org,
  source: line.source ?? null,
  subject: found.subject(line),
  check: (context) => found.check(line, context),
  write: (client, context) => found.write(client, line, context),
})

/** All lines of the state, in the order in which they are read in again. */
export const readState = async (client: Queryable, orgId: string | undefined): Promise<readonly { readonly type: string }[]> => [
  // First: what they say holds for whatever the schedules begin.
  ...(await fieldRules.read(client, orgId)),
  ...(await schedules.read(client, orgId)),
  ...(await watermarks.read(client, orgId)),
]

/** Throws SynclineError('usage') that names the place in the line. */
export const parseStateLine = (value: unknown, where: string): StateLine => {
  const named = z.object({ type: z.enum(PART_NAMES) }).safeParse(value)
  if (!named.success) throw notValid(where, named.error)
  const { type } = named.data
  const parse = <Line extends OwnedLine>(found: Part<Line>): StateLine => {
    const parsed = found.schema.safeParse(value)
    if (!parsed.success) throw notValid(where, parsed.error)
    return lineOf(type, found, parsed.data)
  }
  if (type === 'field-rule') return parse(fieldRules)
  return type === 'schedule' ? parse(schedules) : parse(watermarks)
}

export const notValid = (where: string, error: z.ZodError): SynclineError => {
  const issue = error.issues[0]
  const at = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`
  return new SynclineError('usage', `${where} is not a line of a state file${at}: ${issue?.message ?? 'wrong'}.`, {
    remedy: 'Nothing was imported. Export it again with: syncline state export',
  })
}
