// One field rule, and whether a definition can obey it: goes in a manifest and a rule, comes out why not, with the next step. Pure.
import { suggest } from '../platform/suggest.ts'
import type { EntityDefinition, Manifest } from './manifest.ts'
import { neededAttributes } from './needed-attributes.ts'

export const FIELD_ACTIONS = ['drop', 'hash', 'mask'] as const

export interface FieldRule {
  readonly entity: string
  /** As the API names it. */
  readonly attribute: string
  readonly action: (typeof FIELD_ACTIONS)[number]
  /** An attribute of the same record: where it is false, the rule does not apply. */
  readonly when: string | null
}

interface RuleProblem {
  readonly message: string
  readonly remedy: string
}

/** `text`: any text may stand there; what the manifest does not know becomes a custom field, which takes anything. */
export const kindOf = ({ attributes }: EntityDefinition, attribute: string): 'text' | 'day' | 'flag' | 'other' => {
  const schema = attributes.shape[attribute]
  const takes = (value: unknown): boolean => schema === undefined || schema.safeParse(value).success
  if (takes('any text')) return 'text'
  if (takes('2000-01-01')) return 'day'
  return takes(true) ? 'flag' : 'other'
}

/** Undefined: it can be obeyed. Throws SynclineError('usage') for an unknown entity. */
export const problemOfRule = (manifest: Manifest, { entity, attribute, action, when }: FieldRule): RuleProblem | undefined => {
  const definition = manifest.get(entity)
  if (definition.recordsIn !== undefined) {
    return {
      message: `Records of ${entity} at ${manifest.adapter} are not JSON:API, and rules do not reach into them.`,
      remedy: 'Sync without the entity if it must not be held.',
    }
  }
  const needed = neededAttributes(definition).get(attribute)
  if (needed !== undefined) {
    return { message: `${attribute} of ${entity} ${needed}.`, remedy: 'Sync without the entity if it must not be held.' }
  }
  const copied = definition.carriedBy?.how === 'derived' ? definition.carriedBy.copies?.[attribute] : undefined
  if (copied !== undefined) {
    return {
      message: `${attribute} of ${entity} is a copy of ${copied.attribute} of ${copied.entity}.`,
      remedy: `Give the rule to that: --entity ${copied.entity} --${action} ${copied.attribute}`,
    }
  }
  const kind = kindOf(definition, attribute)
  if (action === 'mask' && kind !== 'text' && kind !== 'day') {
    return { message: `${attribute} of ${entity} is neither text nor a date and cannot be masked.`, remedy: 'Drop it: --drop' }
  }
  if (when === null || (Object.hasOwn(definition.attributes.shape, when) && kindOf(definition, when) === 'flag')) return undefined
  const flags = Object.keys(definition.attributes.shape).filter((name) => kindOf(definition, name) === 'flag')
  return {
    message: `'${when}' is no true-or-false attribute of ${entity}.`,
    remedy: flags.length === 0 ? 'It has none: leave --when away.' : suggest(when, flags),
  }
}
