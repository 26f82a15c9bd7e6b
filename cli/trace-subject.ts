// What an id stands for: an external or canonical id goes in; the row, parked row and dead letters under it come out, or where else
// the id is known. Reads PostgreSQL only.
import { lettersNamed, lettersOf, type TracedLetter } from '../ledger/trace.ts'
import { canonicalId } from '../manifests/identity.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'
import { findParked, findRows, type ParkedRow, type StandingRow } from '../sinks/postgres/find-row.ts'

export interface SubjectDeps {
  readonly pool: Queryable
  readonly manifest: Manifest
}

export interface TraceQuestion {
  readonly orgId: string
  readonly sources: readonly string[]
  readonly definition: EntityDefinition
  /** As the vendor has it, or canonical. */
  readonly id: string
}

export interface Subject {
  readonly orgId: string
  readonly source: string
  readonly definition: EntityDefinition
  readonly id: string
  /** Null: only the canonical id is known, and nothing stands under it. */
  readonly externalId: string | null
  readonly row: StandingRow | null
  readonly parked: ParkedRow | null
  readonly letters: readonly TracedLetter[]
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Dead letters of an entity whose ids are tried against a canonical one. */
const MAX_TRIED = 50_000

/** Whose records may have made the row: its own entity, and others that say something of it, such as that it was merged. */
export const tellersOf = ({ manifest }: Pick<SubjectDeps, 'manifest'>, { canonical }: EntityDefinition): readonly string[] =>
  manifest.definitions.filter((each) => each.canonical.entity === canonical.entity).map(({ entity }) => entity)

interface Named {
  readonly id: string
  readonly source: string
  readonly externalId: string | null
}

/** Which records may be meant: the external id in each source, and the canonical id where it has the form of one. */
const namesOf = ({ orgId, sources, definition, id }: TraceQuestion): readonly Named[] => [
  ...sources.map((source) => ({ source, externalId: id, id: canonicalId(orgId, source, definition.canonical.entity, id) })),
  ...(UUID.test(id) ? [{ source: sources[0] ?? '', externalId: null, id: id.toLowerCase() }] : []),
]

const subjectOf = async (deps: SubjectDeps, question: TraceQuestion, named: Named): Promise<Subject> => {
  const { orgId, definition } = question
  const { pool } = deps
  const [row = null] = await findRows(pool, orgId, definition.canonical.entity, [named.id])
  const [parked = null] = await findParked(pool, orgId, definition.canonical.entity, [named.id])
  const known = row ?? parked ?? (named.externalId === null ? await letterWithId(deps, question, named.id) : undefined)
  const entities = tellersOf(deps, definition)
  const { source, externalId } = known ?? named
  const letters = externalId === null ? [] : await lettersOf(pool, { orgId, sources: [source], entities, externalId })
  return { orgId, definition, id: named.id, source, externalId, row, parked, letters }
}

const letterWithId = async (
  deps: SubjectDeps,
  { orgId, definition }: TraceQuestion,
  id: string,
): Promise<{ source: string; externalId: string } | undefined> => {
  const all = await lettersNamed(deps.pool, orgId, tellersOf(deps, definition), MAX_TRIED)
  return all.find(({ source, externalId }) => canonicalId(orgId, source, definition.canonical.entity, externalId) === id)
}

export const isKnown = ({ row, parked, letters }: Subject): boolean => row !== null || parked !== null || letters.length > 0

/** What stands under the id; where nothing does, what it would be. Throws SynclineError('usage') when several sources have it. */
export const findSubject = async (deps: SubjectDeps, question: TraceQuestion): Promise<readonly Subject[]> => {
  const subjects = await Promise.all(namesOf(question).map((named) => subjectOf(deps, question, named)))
  const known = subjects.filter(isKnown)
  if (known.length <= 1) return known.length === 0 ? subjects : known
  const sources = known.map(({ source }) => source).join(', ')
  throw new SynclineError('usage', `Several records of ${question.orgId} have the id ${question.id}.`, {
    remedy: `Choose one with --source: ${sources}`,
  })
}

export interface Elsewhere {
  readonly entity: string
  readonly source: string
  readonly externalId: string
}

/** The same id at other entities of the organisation: rows, parked ones and dead letters. */
export const findElsewhere = async (deps: SubjectDeps, question: TraceQuestion): Promise<readonly Elsewhere[]> => {
  const others = deps.manifest.definitions.filter(
    ({ entity, canonical }) => entity !== question.definition.entity && canonical.entity === entity,
  )
  const found = await Promise.all(
    others.map(async (definition) => {
      const of = { ...question, definition }
      return Promise.all(namesOf(of).map((named) => subjectOf(deps, of, named)))
    }),
  )
  return found
    .flat()
    .filter(isKnown)
    .map(({ definition, source, externalId }) => ({ entity: definition.entity, source, externalId: externalId ?? question.id }))
}
