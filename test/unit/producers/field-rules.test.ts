// Deliveries under field rules: the bytes stay where nothing changes, and what cannot be read is not kept.
import { describe, expect, test } from 'vitest'
import { compileFieldRules } from '../../../manifests/field-rules.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { ruledBody, ruledDelivery, ruledPart } from '../../../producers/field-rules.ts'

const reader = pcoManifest.deliveries
const rules = compileFieldRules(
  pcoManifest,
  [{ entity: 'person', attribute: 'medical_notes', action: 'drop', when: null }],
  String,
)
const EVENT = 'people.v2.events.person.updated'
const delivery = (name: string, payload: unknown): Buffer =>
  Buffer.from(JSON.stringify({ data: [{ id: 'd', type: 'EventDelivery', attributes: { name, attempt: 1, payload } }] }))
const payload = (attributes: object, type = 'Person'): string => JSON.stringify({ data: { type, id: '1', attributes } })
const ruled = (body: Buffer): string => ruledDelivery(rules, reader, body).toString()

describe('a delivery', () => {
  test('has its payload rewritten, and stays a delivery', () => {
    const text = ruled(delivery(EVENT, payload({ name: 'Ada', medical_notes: 'asthma' })))
    expect(text).toBe(delivery(EVENT, payload({ name: 'Ada' })).toString())
    expect(reader?.read(JSON.parse(text))).toMatchObject([{ kind: 'changed', entity: 'person' }])
  })

  test('without a value under a rule is the same bytes, and so is every one without rules', () => {
    for (const body of [
      delivery(EVENT, payload({ name: 'Ada' })),
      delivery(EVENT, '{"data": {"id":"1"} }'),
      Buffer.from('{"data":[]}'),
    ])
      expect(ruledDelivery(rules, reader, body)).toBe(body)
    const body = Buffer.from('asthma')
    expect(ruledDelivery(undefined, reader, body)).toBe(body)
  })

  test.each([
    ['an event that nobody knows', delivery('people.v2.events.ailment.created', payload({ medical_notes: 'asthma' }, 'Ailment'))],
    ['a payload that is an object', delivery(EVENT, { data: { type: 'Person', attributes: { medical_notes: 'asthma' } } })],
    ['a payload that is no JSON', delivery(EVENT, '{"medical_notes":"asthma"')],
    ['a payload that is no object', delivery(EVENT, '["asthma"]')],
    ['a record at the top of the payload', delivery(EVENT, '{"medical_notes":"asthma"}')],
    ['a body that is no JSON', Buffer.from('{"data":[{"asthma"')],
    ['a body without data', Buffer.from('{"person":"asthma"}')],
    ['a body whose events are texts', Buffer.from('{"data":["asthma"]}')],
    ['an event without attributes', Buffer.from('{"data":[{"payload":"asthma"}]}')],
  ])('%s keeps nothing of the value', (_, body) => {
    expect(body.toString()).toContain('asthma')
    expect(ruled(body)).not.toContain('asthma')
  })
})

test('a page without a value under a rule is the same bytes', () => {
  const body = Buffer.from('{"data": [{"type":"Person","id":"1","attributes":{"name":"Ada"}}]}')
  const document: unknown = JSON.parse(body.toString())
  expect(ruledBody(rules, 'person', body, document)).toEqual({ body, document })
  expect(ruledBody(rules, 'person', body, document).body).toBe(body)
})

test('of what is above the cap size and hash are kept, and no byte', () => {
  const part = { beginning: Buffer.from('asthma'), readBytes: 9, sha256: 'ab', fullBytes: null }
  expect(ruledPart(rules, part)).toEqual({ ...part, beginning: Buffer.alloc(0) })
  expect(ruledPart(undefined, part)).toBe(part)
})
