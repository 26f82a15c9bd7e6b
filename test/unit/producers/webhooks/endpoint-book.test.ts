// What is remembered of a connection's address: served while PostgreSQL is away, never in place of rules that cannot be obeyed.
import { expect, test } from 'vitest'
import { SynclineError } from '../../../../platform/errors.ts'
import { ADDRESS_LIFE_MS, createEndpointBook, type KnownEndpoint } from '../../../../producers/webhooks/endpoint-book.ts'

const of = { orgId: 'acme', source: 'pco' }
const endpoint = { ...of, adapter: 'pco', token: 'a-token-that-is-long', baseUrl: 'https://x', account: null, hasRows: true }
const known: KnownEndpoint = { endpoint, secrets: new Map() }
const away = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

const stage = () => {
  let [at, reads, error] = [0, 0, undefined as Error | undefined]
  const read = async () => {
    reads++
    if (error !== undefined) throw error
    return known
  }
  const book = createEndpointBook(read, () => at)
  return {
    book,
    reads: () => reads,
    failWith: (next?: Error) => {
      error = next
    },
    pass: (ms: number) => {
      at += ms
    },
  }
}

test('PostgreSQL away, what is known goes on serving, and is looked for once a life', async () => {
  const { book, reads, failWith, pass } = stage()
  await book.find(of)
  failWith(away)
  for (let life = 1; life <= 3; life++) {
    pass(ADDRESS_LIFE_MS)
    expect([await book.find(of), await book.find(of), reads()]).toEqual([known, known, 1 + life])
  }
})

test('what is not known while PostgreSQL is away is an error, and known once it is back', async () => {
  const { book, failWith } = stage()
  failWith(away)
  await expect(book.find(of)).rejects.toThrow('refused')
  failWith()
  expect(await book.find(of)).toBe(known)
})

test('rules that cannot be obeyed are an error with every delivery, whatever was known', async () => {
  const { book, failWith, pass } = stage()
  await book.find(of)
  failWith(new SynclineError('config', 'a rule of a later version'))
  for (let life = 1; life <= 2; life++) {
    pass(ADDRESS_LIFE_MS)
    await expect(book.find(of)).rejects.toThrow('a rule of a later version')
    await expect(book.find(of)).rejects.toThrow('a rule of a later version')
  }
  failWith()
  expect(await book.find(of)).toBe(known)
})
