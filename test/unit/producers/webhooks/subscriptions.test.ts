// Which steps bring subscriptions to what is wanted; what is not ours is left alone.
import { expect, test } from 'vitest'
import type { Subscription } from '../../../../adapters/core/webhooks.ts'
import { planSubscriptions } from '../../../../producers/webhooks/subscriptions.ts'

const path = '/webhooks/acme/pco/token-of-this-one'
const url = `https://hooks.example.org${path}`
const wanted = { events: ['a', 'b'], url, path, rotate: false }
let ids = 0
const subscription = (event: string, parts: Partial<Subscription> = {}): Subscription => ({
  id: String(ids++),
  event,
  url,
  active: true,
  secret: 's',
  ...parts,
})
const kinds = (existing: readonly Subscription[], rotate = false) =>
  planSubscriptions(existing, { ...wanted, rotate }).map((step) => step.kind)

test('what is there stays, what is missing is created', () => {
  expect(kinds([])).toEqual(['create', 'create'])
  expect(kinds([subscription('b')])).toEqual(['create', 'keep'])
})

test('what was switched off is switched on, and keeps its secret in a rotation until the next one', () => {
  expect(kinds([subscription('a', { active: false }), subscription('b')], true)).toEqual(['activate', 'rotate'])
})

test('doubles, events that nobody wants and addresses of another host go, after all others', () => {
  const existing = [
    subscription('c'),
    subscription('a', { url: `https://old.example.org${path}` }),
    subscription('a'),
    subscription('a'),
    subscription('b'),
  ]
  expect(planSubscriptions(existing, wanted)).toMatchObject([
    { kind: 'keep' },
    { kind: 'keep' },
    { kind: 'remove', why: 'unwanted' },
    { kind: 'remove', why: 'moved' },
    { kind: 'remove', why: 'double' },
  ])
})

test('a subscription to another address is none of ours', () => {
  expect(kinds([subscription('a', { url: 'https://hooks.example.org/elsewhere' })])).toEqual(['create', 'create'])
})
