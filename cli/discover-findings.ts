// Where an API differs from its definition: goes in what was seen of an entity, come out findings. Pure.
import type { EntityDefinition, SourceRecord } from '../manifests/manifest.ts'
import { type Discovered, isAnswered, type Probed } from './discover-ask.ts'
import { kindOf, valuesIn } from './discover-values.ts'
import { count } from './words.ts'

export interface Drift {
  readonly entity: string
  readonly of: 'entity' | 'attribute' | 'order' | 'filter'
  readonly name: string
  readonly finding: 'unanswered' | 'new' | 'gone' | 'unreadable' | 'not-offered' | 'ignored' | 'disobeyed' | 'refused'
  readonly says: string
}

type Found = Pick<Drift, 'name' | 'finding' | 'says'>

const KIND_WORDS = { boolean: 'true or false', number: 'a number', instant: 'a time', day: 'a day', text: 'text', other: 'JSON' }

const newAttribute = (records: readonly SourceRecord[], name: string): Found => {
  const values = valuesIn(records, name)
  const kind = kindOf(values)
  const filled = values.filter((value) => value != null).length
  const what = kind === null ? 'always null' : `${KIND_WORDS[kind]}, in ${filled} of ${count(records.length, 'record')}`
  return { name, finding: 'new', says: `comes, and the manifest does not have it: ${what}` }
}

const attributeDrift = ({ attributes: { shape } }: EntityDefinition, records: readonly SourceRecord[]): readonly Found[] => {
  const seen = new Set(records.flatMap(({ attributes }) => Object.keys(attributes ?? {})))
  if (seen.size === 0) return []
  const known = Object.keys(shape)
  const unreadable = known.flatMap((name): Found[] => {
    const wrong = valuesIn(records, name).filter((value) => shape[name]?.safeParse(value).success === false).length
    const says = `has values that the manifest cannot read, in ${wrong} of ${count(records.length, 'record')}`
    return wrong === 0 ? [] : [{ name, finding: 'unreadable', says }]
  })
  return [
    ...[...seen].filter((name) => !known.includes(name)).map((name) => newAttribute(records, name)),
    ...known
      .filter((name) => !seen.has(name))
      .map((name): Found => ({ name, finding: 'gone', says: `does not come, in ${count(records.length, 'record')}` })),
    ...unreadable,
  ]
}

const probedDrift = ({ name, verdict, isInManifest, isOffered }: Probed): readonly Found[] => {
  if (!isInManifest) {
    const isUsable = verdict.is === 'honoured'
    return [
      { name, finding: 'new', says: `is offered, and the manifest does not have it${isUsable ? '' : `; it is ${verdict.is}`}` },
    ]
  }
  if (verdict.is === 'ignored') return [{ name, finding: 'ignored', says: 'changes nothing in the answer' }]
  if (verdict.is === 'disobeyed' || verdict.is === 'refused') return [{ name, finding: verdict.is, says: verdict.why }]
  return isOffered === false ? [{ name, finding: 'not-offered', says: `is no longer offered; it is ${verdict.is}` }] : []
}

export const driftOf = (definition: EntityDefinition, discovered: Discovered): readonly Drift[] => {
  const { entity } = definition
  if (!isAnswered(discovered)) {
    return [{ entity, of: 'entity', name: entity, finding: 'unanswered', says: discovered.why }]
  }
  const { records, orders, filters } = discovered
  const as = (of: Drift['of'], found: readonly Found[]): readonly Drift[] => found.map((each) => ({ entity, of, ...each }))
  return [
    ...as('attribute', attributeDrift(definition, records)),
    ...as('order', orders.flatMap(probedDrift)),
    ...as('filter', filters.flatMap(probedDrift)),
  ]
}
