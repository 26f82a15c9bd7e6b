// What a record at the API and its row are judged to be.
import { describe, expect, it } from 'vitest'
import { valuesOfRow } from '../../../cli/compare.ts'
import { type Content, contentOf, judge } from '../../../cli/compare-content.ts'
import { canonicalEntity } from '../../../topics/canonical.ts'

const SYNCED_AT = Date.UTC(2026, 0, 10)
const BEFORE = Date.UTC(2026, 0, 1)
const AFTER = Date.UTC(2026, 0, 11)

const content = (values: Readonly<Record<string, unknown>>, sourceUpdatedAt: number | null = BEFORE): Content => ({
  id: 'the-id',
  externalId: '1',
  sourceUpdatedAt,
  values: new Map(Object.entries({ ...values, source_updated_at: sourceUpdatedAt })),
})

describe('a row and a record that are both there', () => {
  it('are equal when every column is, whatever the order of keys in JSON', () => {
    const here = content({ name: 'a', settings: { x: 1, y: [1, { b: 2, c: 3 }] } })
    const there = content({ name: 'a', settings: { y: [1, { c: 3, b: 2 }], x: 1 } })
    expect(judge(here, there, SYNCED_AT)).toEqual({ verdict: 'equal', columns: [] })
  })

  it('are equal when a custom field is null on one side and not there on the other', () => {
    expect(judge(content({}), content({ 'custom_fields.shoe_size': null }), SYNCED_AT).verdict).toBe('equal')
  })

  it('differ by the columns that do, when the source says the same time', () => {
    const judged = judge(content({ name: 'a', city: 'x' }), content({ name: 'b', city: 'x' }), SYNCED_AT)
    expect(judged).toEqual({ verdict: 'differs', columns: [{ column: 'name', here: 'a', there: 'b' }] })
  })

  it('differ by integers that a double would round to the same', () => {
    const columns = canonicalEntity('email').columns
    const row = (custom: string) => [...columns.map(() => null), BEFORE, custom, 'the-id']
    const [here, there] = ['{"n":9007199254740992}', '{"n":9007199254740993}'].map((custom) =>
      contentOf('1', columns, valuesOfRow(row(custom), columns)),
    )
    const [rounded, exact] = [9_007_199_254_740_992n, 9_007_199_254_740_993n]
    expect(judge(here, there, SYNCED_AT).columns).toEqual([{ column: 'custom_fields.n', here: rounded, there: exact }])
  })

  it('are not synced yet when the source changed the record later than our version of it', () => {
    expect(judge(content({ name: 'a' }), content({ name: 'b' }, BEFORE + 1_000), SYNCED_AT).verdict).toBe('newer-there')
    expect(judge(content({ name: 'a' }, null), content({ name: 'b' }), SYNCED_AT).verdict).toBe('newer-there')
  })

  it('differ when our version claims to be the later one', () => {
    expect(judge(content({ name: 'a' }, AFTER), content({ name: 'b' }), SYNCED_AT).verdict).toBe('differs')
  })

  it('differ where the source gives no time at all', () => {
    expect(judge(content({ role: 'a' }, null), content({ role: 'b' }, null), SYNCED_AT).verdict).toBe('differs')
  })
})

describe('one of both', () => {
  it('is only here when the API does not have it', () => {
    expect(judge(content({}), undefined, SYNCED_AT).verdict).toBe('only-here')
  })

  it('is only there when the last sync should have brought it', () => {
    expect(judge(undefined, content({}), SYNCED_AT).verdict).toBe('only-there')
    expect(judge(undefined, content({}, null), SYNCED_AT).verdict).toBe('only-there')
  })

  it('is not synced yet when it was made after the last sync began, or there was none', () => {
    expect(judge(undefined, content({}, SYNCED_AT), SYNCED_AT).verdict).toBe('newer-there')
    expect(judge(undefined, content({}), null).verdict).toBe('newer-there')
  })
})

it('content names the columns of the table and each custom field by its name', () => {
  const { columns } = canonicalEntity('campus')
  const values = [...columns.map((_, i) => i), BEFORE, { floor: 2 }, 'an-id']
  const made = contentOf('7', columns, values)
  expect(made).toMatchObject({ id: 'an-id', externalId: '7', sourceUpdatedAt: BEFORE })
  expect([...made.values.keys()]).toEqual([...columns.map(({ column }) => column), 'custom_fields.floor', 'source_updated_at'])
  expect(made.values.get('custom_fields.floor')).toBe(2)
})
