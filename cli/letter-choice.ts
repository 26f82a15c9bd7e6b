// Which dead letters a command means: by their ids (`<partition>/<offset>`), or by filters. Unknown names are answered with the nearest.
import { type Command, Option } from 'commander'
import {
  LETTER_STATES,
  type LetterFilter,
  type LetterState,
  letterValues,
  type RegisteredLetter,
} from '../ledger/dead-letter-search.ts'
import { listConnections } from '../ledger/organisations.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { DEAD_LETTER_CODES, DEAD_LETTER_STAGES, type LetterPlace } from '../topics/dead-letters.ts'
import { requireRun } from './find-run.ts'
import type { Runtime } from './runtime.ts'

export interface LetterFilterOptions {
  readonly org?: string
  readonly entity?: string
  readonly code?: string
  readonly run?: string
  readonly stage?: string
}

export const withFilters = (command: Command): Command =>
  command
    .option('--org <id>', 'of one organisation')
    .option('--entity <name>', 'of one entity')
    .addOption(new Option('--code <code>', 'that died of one cause').choices([...DEAD_LETTER_CODES]))
    .option('--run <id>', 'of one run')
    .addOption(new Option('--stage <stage>', 'that died in one stage').choices([...DEAD_LETTER_STAGES]))

/** `all`, or those of `open`: what nothing has come of yet, replays under way included. */
export const STATE_CHOICES = ['open', 'replaying', 'replayed', 'dropped', 'all'] as const
export type StateChoice = (typeof STATE_CHOICES)[number]

export const statesOf = (choice: StateChoice): readonly LetterState[] => {
  if (choice === 'all') return LETTER_STATES
  return choice === 'open' ? ['open', 'replaying'] : [choice]
}

export const letterId = ({ partition, offset }: LetterPlace): string => `${partition}/${offset}`

const ID = /^(?:(.+)-)?(\d{1,9})[-/](\d{1,18})$/

/** Takes the long form `<topic>-<partition>-<offset>` too. Throws SynclineError('usage'). */
export const parseLetterId = (id: string, topic: string): LetterPlace => {
  const [, of = topic, partition, offset] = ID.exec(id) ?? []
  if (of === topic && partition !== undefined && offset !== undefined) {
    return { topic, partition: Number(partition), offset: BigInt(offset) }
  }
  throw new SynclineError('usage', `'${id}' cannot be the id of a dead letter.`, {
    remedy: 'An id is <partition>/<offset>, such as 0/17. See them with: syncline dlq list',
  })
}

const known = (name: string, what: string, valid: Iterable<string>): string => {
  const names = [...new Set(valid)]
  if (names.includes(name)) return name
  throw new SynclineError('usage', `There is no ${what} '${name}'.`, { remedy: suggest(name, names) })
}

/** Throws SynclineError('usage') when a name is not known. */
export const filterOf = async (
  runtime: Runtime,
  { org, entity, code, run, stage }: LetterFilterOptions,
  states: readonly LetterState[],
): Promise<LetterFilter> => {
  const { pool, topics } = runtime
  const topic = topics.deadLetters
  if (org !== undefined) {
    // Letters outlive their organisation's connection.
    const connected = (await listConnections(pool)).map(({ orgId }) => orgId)
    known(org, 'organisation', [...connected, ...(await letterValues(pool, topic, 'org_id'))])
  }
  if (entity !== undefined) {
    known(entity, 'entity', [...canonicalEntities.map((e) => e.entity), ...(await letterValues(pool, topic, 'entity'))])
  }
  const runId = run === undefined ? undefined : (await requireRun(runtime, run)).runId
  return {
    topic,
    states,
    ...(org === undefined ? {} : { orgId: org }),
    ...(entity === undefined ? {} : { entity }),
    ...(code === undefined ? {} : { code }),
    ...(runId === undefined ? {} : { runId }),
    ...(stage === undefined ? {} : { stage }),
  }
}

const isFiltered = (options: LetterFilterOptions): boolean =>
  [options.org, options.entity, options.code, options.run, options.stage].some((option) => option !== undefined)

export interface Chosen {
  readonly filter: LetterFilter
  /** Named one by one: nobody takes these by mistake. */
  readonly byId: boolean
}

/** Either ids or filters. Throws SynclineError('usage') for both, and for neither. */
export const chooseLetters = async (
  runtime: Runtime,
  ids: readonly string[],
  options: LetterFilterOptions,
  states: { readonly byId: readonly LetterState[]; readonly byFilter: readonly LetterState[] },
): Promise<Chosen> => {
  const topic = runtime.topics.deadLetters
  if (ids.length > 0 === isFiltered(options)) {
    throw new SynclineError('usage', 'Name dead letters by their ids, or choose them by filters such as --org and --code.', {
      remedy: 'See them with: syncline dlq list',
    })
  }
  if (ids.length === 0) return { filter: await filterOf(runtime, options, states.byFilter), byId: false }
  return { filter: { topic, places: ids.map((id) => parseLetterId(id, topic)), states: states.byId }, byId: true }
}

/** Throws SynclineError('usage') naming the first of the ids that was not found. */
export const requireAll = ({ places = [], states }: LetterFilter, found: readonly LetterPlace[]): void => {
  const known = new Set(found.map(letterId))
  const missing = places.map(letterId).find((id) => !known.has(id))
  if (missing === undefined) return
  const kind = states.length === 1 ? `${states[0]} dead letter` : 'dead letter'
  throw new SynclineError('usage', `There is no ${kind} '${missing}'.`, {
    remedy: 'See them with: syncline dlq list --state all',
  })
}

/** Letters by organisation, in the order in which rows of several organisations are locked. */
export const byOrg = (letters: readonly RegisteredLetter[]): ReadonlyMap<string, readonly RegisteredLetter[]> => {
  const orgs = new Map<string, RegisteredLetter[]>()
  for (const letter of letters) orgs.set(letter.orgId, [...(orgs.get(letter.orgId) ?? []), letter])
  return new Map([...orgs].sort(([a], [b]) => (a < b ? -1 : 1)))
}
