// What parked records wait for, as lines for people and as JSON: each missing parent by name, with what is known of it. Pure.
import type { MissingParent, MissingParents, ParentStatus } from '../ledger/parked.ts'
import { count } from './words.ts'

/** Parents that a command names; --json of `show` has more of them. */
export const NAMED_PARENTS = 20

const STATUS_TEXT: Readonly<Record<ParentStatus, string>> = {
  unselected: 'which this run does not fetch',
  dead: 'which is a dead letter of this run',
  absent: 'which the API does not have',
  asked: 'which was asked for by its id and is not there yet',
  unasked: 'which no list has shown',
}

const nameOf = ({ parent, parentId, externalId }: MissingParent): string =>
  externalId === null ? `the ${parent} with canonical id ${parentId}` : `${parent} ${externalId}`

const lineOf = (missing: MissingParent): string =>
  `  ${count(missing.records, 'record')} of ${missing.entity} ${missing.records === 1 ? 'waits' : 'wait'} for ${nameOf(missing)}, ${STATUS_TEXT[missing.status]}`

/** No lines when nothing is parked. */
export const parkedText = ({ parents, total }: MissingParents): readonly string[] =>
  parents.length === 0
    ? []
    : [
        'Parked:',
        ...parents.map(lineOf),
        ...(total > parents.length ? [`  … and ${count(total - parents.length, 'missing parent')} more`] : []),
      ]

/** In `show`, `status` and `verify --json`: `parked` and how many missing parents there are beyond those named. */
export const parkedLine = ({ parents, total }: MissingParents) => ({ missingParents: total, parked: parents })
