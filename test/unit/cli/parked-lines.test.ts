import { expect, test } from 'vitest'
import { parkedText } from '../../../cli/parked-lines.ts'
import type { MissingParent } from '../../../ledger/parked.ts'

const missing = (facts: Partial<MissingParent>): MissingParent => ({
  entity: 'email',
  parent: 'person',
  parentId: '3f6b5c1e-8d0a-5f57-9c4b-5a1d0e7c2b94',
  externalId: '12',
  records: 1,
  status: 'absent',
  ...facts,
})

test('each missing parent is named as the source names it, else by its canonical id, with what is known of it', () => {
  expect(parkedText({ parents: [], total: 0 })).toEqual([])
  const parents = [missing({}), missing({ records: 3, externalId: null, status: 'unselected' })]
  expect(parkedText({ parents, total: 4 })).toEqual([
    'Parked:',
    '  1 record of email waits for person 12, which the API does not have',
    '  3 records of email wait for the person with canonical id 3f6b5c1e-8d0a-5f57-9c4b-5a1d0e7c2b94, which this run does not fetch',
    '  … and 2 missing parents more',
  ])
})
