// Everything that is known of one record: what stands under its id, and the way it took here. Writes nothing.
import type { TracedLetter } from '../ledger/trace.ts'
import { canonicalId } from '../manifests/identity.ts'
import type { SourceRecord } from '../manifests/manifest.ts'
import { printExactJson } from '../platform/exact-json.ts'
import { findByKey } from '../platform/kafka/look.ts'
import type { MissingParent } from '../sinks/postgres/find-row.ts'
import { schemaIdOf } from '../topics/canonical-codec.ts'
import type { PathDeps, TopicPlace } from './trace-page.ts'
import { type CanonicalPlace, MAX_LOOKED, type Path, placeOfKey, traceLetter, tracePath } from './trace-path.ts'
import { type Elsewhere, findElsewhere, findSubject, isKnown, type Subject, type TraceQuestion } from './trace-subject.ts'

/** row and deleted: in the table. on-its-way: on the canonical topic, the sink has still to read it. vanished: it has read it, yet there is no row. */
export type TraceState = 'row' | 'deleted' | 'parked' | 'dead' | 'on-its-way' | 'vanished' | 'unknown'

export interface TracedParent extends MissingParent {
  /** Null: the raw page that names it is gone. */
  readonly externalId: string | null
  readonly state: 'there' | 'deleted' | 'parked' | 'dead' | 'unknown'
  /** Of its newest dead letter. */
  readonly reason: string | null
}

export interface DeadLetterTrace {
  readonly letter: TracedLetter
  /** Its original bytes on the topic of dead letters. */
  readonly place: TopicPlace
  readonly path: Path
}

export interface Trace {
  readonly subject: Subject
  readonly state: TraceState
  /** Of the row, or of what is parked. */
  readonly path: Path | null
  readonly parents: readonly TracedParent[]
  readonly letters: readonly DeadLetterTrace[]
  /** Only for what has neither row nor parked row nor dead letter. */
  readonly unknown: Unknown | null
}

export interface Unknown {
  /** The newest record of the key that was found on the topic. */
  readonly canonical: CanonicalPlace | null
  /** Where was looked, in words. */
  readonly looked: readonly string[]
  readonly elsewhere: readonly Elsewhere[]
}

/** Throws SynclineError('usage') when the id stands for records of several sources. */
export const lookAt = async (deps: PathDeps, question: TraceQuestion): Promise<Trace> => {
  const subjects = await findSubject(deps, question)
  const known = subjects.find(isKnown)
  if (known === undefined) return lookForUnknown(deps, question, subjects)
  const { row, parked } = known
  const standing = parked ?? row
  const path = standing === null ? null : await tracePath(deps, known, standing, parked?.origin ?? null)
  return {
    subject: known,
    state: stateOf(known),
    path,
    parents: await parentsOf(deps, known, path?.record ?? null),
    letters: await lettersIn(deps, known),
    unknown: null,
  }
}

const stateOf = ({ row, parked }: Subject): TraceState => {
  if (parked !== null) return 'parked'
  if (row === null) return 'dead'
  return row.deletedAt === null ? 'row' : 'deleted'
}

const lettersIn = async (deps: PathDeps, subject: Subject): Promise<readonly DeadLetterTrace[]> => {
  const traced: DeadLetterTrace[] = []
  for (const letter of subject.letters) {
    const { topic, partition, offset } = letter
    const bounds = await deps.look?.bounds({ topic, partition })
    const state = deps.look === undefined ? 'unknown' : bounds !== undefined && offset >= bounds.low ? 'there' : 'removed'
    traced.push({ letter, place: { topic, partition, offset, state }, path: await traceLetter(deps, subject, letter) })
  }
  return traced
}

/** External ids that a record points to, its self link included: a canonical id is a hash, so each is tried. */
const idsIn = ({ related, raw }: SourceRecord): readonly string[] => {
  const withoutAttributes = typeof raw === 'object' && raw !== null ? { ...raw, attributes: null } : raw
  const links = printExactJson(withoutAttributes)
  return [...Object.values(related).flatMap((ids) => ids ?? []), ...links.split(/[^\w-]+/)]
}

const parentsOf = async (deps: PathDeps, subject: Subject, record: SourceRecord | null): Promise<readonly TracedParent[]> => {
  const ids = record === null ? [] : idsIn(record)
  return Promise.all((subject.parked?.parents ?? []).map((parent) => parentOf(deps, subject, parent, ids)))
}

const parentOf = async (
  deps: PathDeps,
  { orgId, source }: Subject,
  parent: MissingParent,
  ids: readonly string[],
): Promise<TracedParent> => {
  const externalId = ids.find((id) => canonicalId(orgId, source, parent.entity, id) === parent.id) ?? null
  const definition = deps.manifest.definitions.find(({ canonical }) => canonical.entity === parent.entity)
  const [found] = definition === undefined ? [] : await findSubject(deps, { orgId, sources: [source], definition, id: parent.id })
  const known = found !== undefined && isKnown(found) ? stateOf(found) : 'unknown'
  const state = known === 'row' ? 'there' : known === 'deleted' || known === 'parked' || known === 'dead' ? known : 'unknown'
  const letter = found?.letters[0]
  const reason = letter === undefined ? null : `${letter.code}: ${letter.reason}`
  return { ...parent, externalId: externalId ?? found?.externalId ?? null, state, reason }
}

const lookForUnknown = async (deps: PathDeps, question: TraceQuestion, subjects: readonly Subject[]): Promise<Trace> => {
  const { orgId, definition } = question
  const entity = definition.canonical.entity
  const looked = [`rows, parked rows and dead letters of ${entity} of ${orgId}`]
  const elsewhere = await findElsewhere(deps, question)
  for (const subject of subjects) {
    const { canonical, where, passed } = await searchTopic(deps, subject)
    looked.push(where)
    if (canonical === null) continue
    const unknown = { canonical, looked, elsewhere }
    return { subject, state: passed ? 'vanished' : 'on-its-way', path: null, parents: [], letters: [], unknown }
  }
  const [subject] = subjects
  if (subject === undefined) throw new Error('a question names at least one source')
  return { subject, state: 'unknown', path: null, parents: [], letters: [], unknown: { canonical: null, looked, elsewhere } }
}

const searchTopic = async (
  deps: PathDeps,
  subject: Subject,
): Promise<{ canonical: CanonicalPlace | null; where: string; passed: boolean }> => {
  const place = placeOfKey(deps, subject)
  const { look } = deps
  const bounds = await look?.bounds(place)
  if (look === undefined || bounds === undefined)
    return { canonical: null, where: `${place.topic} could not be read`, passed: false }
  const newest = bounds.high - BigInt(MAX_LOOKED)
  const from = newest > bounds.low ? newest : bounds.low
  const { found, looked } = await findByKey(look, place, { key: subject.id, from, limit: MAX_LOOKED })
  const where = `${looked.toLocaleString('en-US')} messages of ${place.topic}, partition ${place.partition} (from offset ${from})`
  if (found?.value == null) return { canonical: null, where, passed: false }
  const committed = (await look.committed(deps.topics.group('sink'), place)) ?? 0n
  const { offset, value, timestamp } = found
  const producedAt = new Date(timestamp)
  const canonical = { ...place, offset, state: 'there', key: subject.id, schemaId: schemaIdOf(value), producedAt } as const
  return { canonical, where, passed: offset < committed }
}
