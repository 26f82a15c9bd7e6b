// Where the work on pages is done: in this thread, or in one of its own, which the same code serves (cli/page-thread.ts).
import type { Manifest } from '../manifests/manifest.ts'
import { type Handed, ownMemory, startThread } from '../platform/thread.ts'
import type { Topics } from '../topics/list.ts'
import { createLiveTransform } from './live.ts'
import { createPageWork, type MadeOfPages, type PageInHand, type PageWork } from './page-work.ts'
import { createTransform } from './transform.ts'

export interface PageWorker {
  readonly work: PageWork
  /** Rejects when no more work can be done; never resolves. */
  readonly failed: Promise<never>
  stop(): Promise<void>
}

/** Schema id of each canonical entity. */
export type SchemaIds = ReadonlyMap<string, number>

export const pageWorkOf = (topics: Topics, manifests: readonly Manifest[], schemaIds: SchemaIds): PageWork => {
  const transforms = new Map(
    manifests.map((manifest) => [topics.raw(manifest.adapter), createTransform({ manifest, schemaIds })]),
  )
  return createPageWork(topics, (topic) => transforms.get(topic))
}

/** Of deliveries and answers for single records, beside the pages. */
export const liveWorkOf = (topics: Topics, manifests: readonly Manifest[], schemaIds: SchemaIds): PageWork => {
  const transforms = new Map(
    manifests.map((manifest) => [topics.live(manifest.adapter), createLiveTransform({ manifest, schemaIds })]),
  )
  return createPageWork(topics, (topic) => transforms.get(topic))
}

/** For what is little, and waited for; and for tests, which bring manifests of their own. */
export const inThisThread = (work: PageWork): PageWorker => ({
  work,
  failed: new Promise<never>(() => undefined),
  stop: async () => undefined,
})

export interface PageThreadSetUp {
  /** Of the names of topics. */
  readonly prefix: string
  readonly schemaIds: SchemaIds
}

/** The pages one behind the other in memory of their own, because they lie in that of the batch they came with. */
const handedPages = (pages: readonly PageInHand[]): Handed<readonly PageInHand[]> => {
  const bytes = new Uint8Array(pages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0))
  let end = 0
  const copied = pages.map((page): PageInHand => {
    if (page.value === null) return page
    const start = end
    end += page.value.length
    bytes.set(page.value, start)
    return { ...page, value: bytes.subarray(start, end) }
  })
  return { value: copied, transfer: ownMemory([bytes]) }
}

export const handedMade = (made: MadeOfPages): Handed<MadeOfPages> => ({
  value: made,
  transfer: ownMemory(made.rounds.flatMap((round) => round.map(({ bytes }) => bytes))),
})

export const inItsThread = (program: URL, setUp: PageThreadSetUp): PageWorker => {
  const thread = startThread<readonly PageInHand[], MadeOfPages>(program, setUp)
  return { work: (pages) => thread.ask(handedPages(pages)), failed: thread.failed, stop: thread.stop }
}
