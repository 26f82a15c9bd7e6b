// Field rules over documents: what falls under one is gone in every place where a record may stand, and nothing else changes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mkEntityManifest } from '../../../manifests/entity-manifest.ts'
import { type FieldRule, problemOfRule } from '../../../manifests/field-rule.ts'
import { compileFieldRules } from '../../../manifests/field-rules.ts'
import { neededAttributes } from '../../../manifests/needed-attributes.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { countRecords, split } from '../../../manifests/split.ts'
import { parseExactJson, printExactJson } from '../../../platform/exact-json.ts'
import { definitionOf } from './definitions.ts'

const rule = (attribute: string, action: FieldRule['action'] = 'drop', more: Partial<FieldRule> = {}): FieldRule => ({
  ...{ entity: 'person', attribute, action, when: null },
  ...more,
})
const compiled = (...rules: readonly FieldRule[]) => {
  const found = compileFieldRules(pcoManifest, rules, (text) => `<${text}>`)
  if (found === undefined) throw new Error('no rules')
  return found
}
const person = (attributes: unknown, more: object = {}) => ({ type: 'Person', id: '1', attributes, ...more })

/** The attributes of one person on a page of people. */
const ruled = (attributes: object, ...rules: readonly FieldRule[]): unknown => {
  const document = compiled(...rules).apply('person', { data: [person(attributes)] })
  return Reflect.get(Reflect.get(Reflect.get(document as object, 'data'), 0), 'attributes')
}

describe('a value', () => {
  test('is dropped, hashed or masked, each as its kind allows', () => {
    const given = { name: 'Ada', birthdate: '2015-07-09', medical_notes: 'asthma', grade: 4, remote_id: 77, extra: { a: 1 } }
    expect(ruled(given, rule('medical_notes'), rule('name', 'hash'), rule('birthdate', 'mask'))).toEqual({
      ...{ name: '<Ada>', birthdate: '2015-01-01', grade: 4, remote_id: 77, extra: { a: 1 } },
    })
    expect(ruled(given, rule('birthdate', 'hash'), rule('grade', 'hash'), rule('remote_id', 'hash'))).toEqual({
      ...{ name: 'Ada', birthdate_hash: '<2015-07-09>', medical_notes: 'asthma', grade_hash: '<4>', remote_id: '<77>' },
      extra: { a: 1 },
    })
    expect(ruled(given, rule('extra', 'hash'), rule('medical_notes', 'mask'))).toMatchObject({
      extra: '<{"a":1}>',
      medical_notes: '***',
    })
  })

  test('that is null stays null, and one that is no date has no year to keep', () => {
    expect(ruled({ name: null, birthdate: 'in 1980' }, rule('name', 'hash'), rule('birthdate', 'mask'))).toEqual({
      name: null,
      birthdate: null,
    })
  })

  test('under a condition stays only where the condition is known to be false', () => {
    const of = (child: unknown) => ruled({ birthdate: '2015-07-09', child }, rule('birthdate', 'drop', { when: 'child' }))
    expect(of(false)).toEqual({ birthdate: '2015-07-09', child: false })
    for (const child of [true, null, 'false', 0]) expect(of(child)).toEqual({ child })
    expect(ruled({ birthdate: '2015-07-09' }, rule('birthdate', 'drop', { when: 'child' }))).toEqual({})
    expect(ruled({ birthdate: '2015-07-09', child: false }, rule('birthdate', 'drop', { when: 'child' }), rule('child'))).toEqual(
      {
        birthdate: '2015-07-09',
      },
    )
  })
})

describe('a document', () => {
  const notes = compiled(rule('medical_notes'))
  const given = { medical_notes: 'asthma', name: 'Ada' }

  test('is the same object where no rule applies', () => {
    for (const document of [
      { data: [person({ name: 'Ada' })], included: [{ type: 'Email', id: '2', attributes: { address: 'a@b' } }] },
      { data: [person({ medical_notes: null })] },
      { data: person({}) },
      { data: { type: 'Person', id: '1' } },
      { data: null },
      { meta: {} },
    ])
      expect(notes.apply('person', document)).toBe(document)
    const emails = { data: [{ type: 'Email', id: '2', attributes: given }] }
    expect(notes.apply('email', emails)).toBe(emails)
  })

  test.each([
    ['one record', 'person', { data: person(given) }],
    ['a page', 'person', { data: [person({}), person(given)] }],
    ['what a page of others includes', 'household', { data: [], included: [person(given)] }],
    ['a record of another type than was asked for', 'person', { data: [person(given, { type: 'Email' })] }],
    ['a record of the type on a page of others', 'email', { data: [person(given)] }],
    ['a record without a type', 'person', { data: [{ id: '1', attributes: given }] }],
    ['what is included without a type', 'email', { data: [], included: [{ id: '1', attributes: given }] }],
    ['what is included of a type that nobody knows', 'email', { data: [], included: [person(given, { type: 'person' })] }],
    ['attributes that are a list', 'person', { data: [person([given])] }],
    ['attributes that are text', 'person', { data: [person('asthma')] }],
    ['a record without attributes', 'person', { data: [{ type: 'Person', id: '1', ...given }] }],
    ['a record that is a list', 'person', { data: [[given]] }],
    ['a record that is text', 'person', { data: ['asthma'] }],
    ['a document of nobody knows what', null, { data: person(given) }],
    ['an event of nobody knows what', null, { data: { attributes: given } }],
  ])('%s keeps nothing of the value, and as many records', (_, entity, document) => {
    const after = notes.apply(entity, document)
    expect(JSON.stringify(after)).not.toContain('asthma')
    if (entity === null) return
    const counts = (body: unknown) => countRecords(split(pcoManifest, entity, entity === 'person' ? ['email'] : [], body))
    expect(counts(after)).toEqual(counts(document))
  })

  test('that is rewritten is the same JSON but for the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.bigInt({ min: 10n ** 16n, max: 10n ** 30n }), fc.string(), (value, large, name) => {
        fc.pre(name !== 'medical_notes' && name !== '__proto__')
        const text = (extra: string) =>
          `{"meta":${printExactJson(value)},"data":[{"type":"Person","id":${large},"attributes":{${JSON.stringify(name)}:[${large}]${extra}}}]}`
        const after = printExactJson(notes.apply('person', parseExactJson(text(',"medical_notes":"asthma"'))))
        expect(after).toBe(printExactJson(parseExactJson(text(''))))
      }),
    )
  })

  test('of memberships obeys the rule of the name that theirs is a copy of', () => {
    const names = compiled(rule('name', 'hash', { when: 'child' }))
    const own = { data: [{ type: 'HouseholdMembership', id: '1', attributes: { person_name: 'Ada' } }] }
    expect(names.apply('household-membership', own)).toMatchObject({ data: [{ attributes: { person_name: '<Ada>' } }] })
    const people = { people: { data: [{ type: 'Person', id: '1' }] } }
    const household = { data: [{ type: 'Household', id: '9', relationships: people }], included: [person({ name: 'Ada' })] }
    const page = names.apply('household', household)
    const [derived] = split(pcoManifest, 'household', ['household-membership'], page).get('household-membership') ?? []
    expect(derived?.attributes).toEqual({ person_name: '<Ada>' })
  })
})

describe('a rule', () => {
  test('of what the walk, an id, a reference or the version is made of is refused', () => {
    const needed = Object.fromEntries(
      pcoManifest.definitions.map((each) => [each.entity, [...neededAttributes(each).keys()].sort()]),
    )
    expect(needed).toEqual({
      ...{ campus: ['created_at', 'updated_at'], household: ['created_at', 'primary_contact_id', 'updated_at'] },
      person: ['created_at', 'updated_at'],
      ...{
        address: ['updated_at'],
        email: ['created_at', 'updated_at'],
        'phone-number': ['created_at', 'updated_at'],
      },
      'household-membership': [],
      ...{ group: [], event: [], 'group-membership': [] },
      'person-merger': ['created_at', 'person_to_keep_id', 'person_to_remove_id'],
    })
    expect(problemOfRule(pcoManifest, rule('updated_at'))?.message).toContain('walked by')
    expect(() => compiled(rule('updated_at'))).toThrowError(expect.objectContaining({ code: 'config' }))
  })

  test('that cannot be obeyed names what can', () => {
    const problem = (...args: Parameters<typeof rule>) => problemOfRule(pcoManifest, rule(...args))
    expect(problem('grade', 'mask')?.message).toContain('neither text nor a date')
    expect(problem('birthdate', 'drop', { when: 'childs' })?.remedy).toContain('child')
    expect(problem('birthdate', 'drop', { when: 'name' })?.message).toContain("'name' is no true-or-false")
    expect(problem('birthdate', 'drop', { when: 'toString' })?.message).toContain('toString')
    expect(problem('person_name', 'hash', { entity: 'household-membership' })?.remedy).toContain('--entity person --hash name')
    expect(problem('birthdate', 'drop', { when: 'child' })).toBeUndefined()
    expect(() => problem('name', 'drop', { entity: 'persn' })).toThrowError(/persn/)
  })

  test('of records that are not JSON:API is refused, because nothing would obey it', () => {
    const plain = mkEntityManifest('x', [definitionOf('person', {}, { recordsIn: (body) => body })])
    expect(() => compileFieldRules(plain, [rule('medical_notes')], String)).toThrow(expect.objectContaining({ code: 'config' }))
  })

  test('of another API is none', () => {
    expect(compileFieldRules(pcoManifest, [rule('name', 'drop', { entity: 'contact' })], String)).toBeUndefined()
  })
})
