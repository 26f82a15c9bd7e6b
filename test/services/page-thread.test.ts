// A page that ends the thread which works on it, by the real program of that thread: it dies alone, and its neighbours go on.
import { afterEach, expect, test } from 'vitest'
import { silentLogger } from '../../platform/logger.ts'
import type { MadeOfPages, PageInHand } from '../../processors/page-work.ts'
import { inItsThread, type PageWorker } from '../../processors/page-worker.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { encodePageOrigin } from '../../topics/headers.ts'
import { topicsWithPrefix } from '../../topics/list.ts'

const topics = topicsWithPrefix('test.')
const schemaIds = new Map(canonicalEntities.map(({ entity }, n) => [entity, n + 1]))
const program = new URL('../../dist/cli/page-thread.js', import.meta.url)

let worker: PageWorker
afterEach(() => worker.stop())
const start = (of: URL) => {
  worker = inItsThread(of, { prefix: 'test.', schemaIds }, { log: silentLogger, heapMb: 64 })
}

const pageOf = (page: number, records: string): PageInHand => {
  const runId = '0198c0de-0000-7000-8000-000000000001'
  const place = { runId, orgId: 'acme', source: 'pco', entity: 'email', rangeId: 0, page, attempt: 1 }
  const headers = encodePageOrigin({ ...place, observedAt: 1, carries: [], traceparent: '' })
  return { topic: topics.raw('pco'), value: Buffer.from(`{"data":[${records}]}`), headers }
}
const good = (page: number) => pageOf(page, `{"type":"Email","id":"${page}","attributes":{}}`)
/** A dead letter for each of its records, in memory all at once. */
const POISON = pageOf(7, `${'{},'.repeat(400_000)}{}`)

const deadIn = ({ rounds }: MadeOfPages) => rounds.flat().filter(({ topic }) => topic === topics.deadLetters)

test('it becomes one dead letter with its bytes; what was in hand beside it and comes after it is made as ever', async () => {
  start(program)
  const [mixed, beside] = await Promise.all([worker.work([good(1), POISON, good(2)]), worker.work([good(3)])])
  expect(mixed).toMatchObject({ dead: 1, canonical: new Map([['email', 2]]) })
  const [letter, ...others] = deadIn(mixed)
  expect([letter?.records, others]).toEqual([1, []])
  expect(Buffer.from(letter?.bytes ?? []).includes('{},{},{}')).toBe(true)
  expect(Buffer.from(letter?.bytes ?? []).includes('more memory')).toBe(true)
  expect(Buffer.from(letter?.bytes ?? []).includes('Page 7 of range 0')).toBe(true)
  expect(beside).toMatchObject({ dead: 0, canonical: new Map([['email', 1]]) })
  expect(await worker.work([good(4)])).toMatchObject({ dead: 0, canonical: new Map([['email', 1]]) })
})

test('a thread that cannot begin blames no page', async () => {
  start(new URL('../../dist/cli/no-such-program.js', import.meta.url))
  await expect(worker.work([good(1)])).rejects.toThrow()
})
