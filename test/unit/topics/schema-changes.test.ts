import { expect, test } from 'vitest'
import { forbiddenChanges } from '../../../topics/schema-changes.ts'

const schema = (...fields: object[]) => ({ type: 'record', name: 'X', namespace: 'n', fields })
const id = { name: 'id', type: 'string' }
const name = { name: 'name', type: ['null', 'string'], default: null }

test('a field may come and go when it has a default', () => {
  expect(forbiddenChanges(schema(id), schema(id, name))).toEqual([])
  expect(forbiddenChanges(schema(id, name), schema(id))).toEqual([])
})

test('docs, logical types, order of fields and of a union may change', () => {
  const day = { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }], default: null, doc: 'a day' }
  const plain = { name: 'day', type: ['int', 'null'], default: null }
  expect(forbiddenChanges(schema(id, day), schema(plain, { ...id, doc: 'x' }))).toEqual([])
})

test.each([
  ['added without default', [id], [id, { name: 'extra', type: 'string' }], 'extra', /added without a default/],
  ['removed without default', [id, name], [name], 'id', /removed without a default/],
  ['of another type', [id, name], [id, { ...name, type: ['null', 'int'] }], 'name', /changed from null\|string to int\|null/],
  ['no longer null', [id, name], [id, { ...name, type: 'string' }], 'name', /changed from null\|string to string/],
  [
    'of a map of other values',
    [{ name: 'm', type: { type: 'map', values: 'string' } }],
    [{ name: 'm', type: { type: 'map', values: 'int' } }],
    'm',
    /changed from map<string> to map<int>/,
  ],
])('a field that is %s is named with the rule', (_, before, after, field, rule) => {
  expect(forbiddenChanges(schema(...before), schema(...after))).toEqual([{ field, rule: expect.stringMatching(rule) }])
})

test('a renamed record is named', () => {
  expect(forbiddenChanges(schema(id), { ...schema(id), name: 'Y' })).toEqual([
    { field: 'n.Y', rule: 'the record was renamed; it was n.X' },
  ])
})

test('what is no record says nothing', () => {
  expect(forbiddenChanges('string', schema(id))).toEqual([])
})
