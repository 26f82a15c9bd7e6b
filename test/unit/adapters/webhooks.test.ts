// Who signed a delivery, and what Planning Center's subscriptions say.
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { pcoWebhooks } from '../../../adapters/pco/webhooks.ts'

const body = Buffer.from('{"data":[ ]}')
const sign = (secret: string, bytes = body) => createHmac('sha256', secret).update(bytes).digest('hex')
const isSigned = (signature: string | undefined, secrets: readonly string[], bytes = body) =>
  pcoWebhooks.isSigned(signature === undefined ? {} : { 'x-pco-webhooks-authenticity': signature }, bytes, secrets)

describe('a delivery', () => {
  test('is genuine when one of the secrets signs its bytes as they came', () => {
    expect(isSigned(sign('new'), ['new', 'old'])).toBe(true)
    expect(isSigned(sign('old'), ['new', 'old'])).toBe(true)
    expect(isSigned(sign('old').toUpperCase(), ['old'])).toBe(true)
  })

  test('is not when a byte differs, the secret is another, or there is no signature', () => {
    expect(isSigned(sign('new'), ['new'], Buffer.from('{"data":[]}'))).toBe(false)
    expect(isSigned(sign('other'), ['new', 'old'])).toBe(false)
    for (const signature of [undefined, '', 'zz', sign('new').slice(1), `${sign('new')}00`])
      expect(isSigned(signature, ['new'])).toBe(false)
    expect(isSigned(sign('new'), [])).toBe(false)
  })
})

describe('subscriptions', () => {
  const resource = {
    type: 'WebhookSubscription',
    id: 7,
    attributes: { name: 'a', url: 'https://x', active: false, authenticity_secret: 's3cret' },
  }

  test('are read with their secrets and where the list goes on', () => {
    const list = pcoWebhooks.parseList(Buffer.from(JSON.stringify({ data: [resource], meta: { next: { offset: 100 } } })))
    expect(list).toEqual({
      subscriptions: [{ id: '7', event: 'a', url: 'https://x', active: false, secret: 's3cret' }],
      next: 100,
    })
  })

  test('of another form are refused without a word of what they hold', () => {
    const bad = Buffer.from(JSON.stringify({ data: { ...resource, attributes: { ...resource.attributes, active: 's3cret' } } }))
    expect(() => pcoWebhooks.parseOne(bad)).toThrow(/data\.attributes\.active/)
    expect(() => pcoWebhooks.parseOne(bad)).not.toThrow(/s3cret/)
    expect(() => pcoWebhooks.parseList(Buffer.from('<html>'))).toThrow(/not JSON/)
  })
})
