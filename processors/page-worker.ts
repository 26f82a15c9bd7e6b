// Where the work on pages is done: in this thread, or in one of its own, which the same code serves (cli/page-thread.ts).
// Must hold: a page that ends the thread, by the memory it takes or a fault of ours, becomes a dead letter and does not come for ever.
import type { Manifest } from '../manifests/manifest.ts'
import { messageOf } from '../platform/errors.ts'
import type { Logger } from '../platform/logger.ts'
import { type Handed, ownMemory, startThread } from '../platform/thread.ts'
import type { Headers } from '../topics/headers.ts'
import { type Topics, topicsWithPrefix } from '../topics/list.ts'
import { createLiveTransform } from './live.ts'
import { createPageWork, type MadeOfPages, type PageInHand, type PageWork, together } from './page-work.ts'
import { createTransform, NOTHING } from './transform.ts'
import { unreadable } from './unreadable.ts'

export interface PageWorker {
  readonly work: PageWork
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

/** So often a page may end a thread that has nothing else in hand. */
const MAX_ENDS = 2
const WHY_BURIED = `ended the thread that worked on it, ${MAX_ENDS} times: it takes more memory than there is, or there is a fault in this version`
const buriedReason = ({ run, range, page }: Headers): string => `Page ${page} of range ${range}, run ${run}, has ${WHY_BURIED}`

export interface PageThreadOptions {
  readonly log: Logger
  /** Default: what Node gives to a thread. */
  readonly heapMb?: number
}

export const inItsThread = (program: URL, setUp: PageThreadSetUp, { log, heapMb }: PageThreadOptions): PageWorker => {
  const open = () => startThread<readonly PageInHand[], MadeOfPages>(program, setUp, heapMb)
  const bury = createPageWork(topicsWithPrefix(setUp.prefix), () => ({ headers, value }) => {
    return { ...NOTHING, deadLetters: [unreadable(headers, value ?? Buffer.alloc(0), buriedReason(headers))] }
  })
  let thread = open()
  let isStopped = false
  /** Settles when it is known which page has ended the thread. */
  let search: Promise<unknown> = Promise.resolve()

  const ask = (pages: readonly PageInHand[]) => thread.ask(handedPages(pages))

  /** Rejects where the new one ends too, with nothing in hand: that is no fault of a page. */
  const renew = async (cause: unknown): Promise<void> => {
    if (isStopped) throw cause
    log.error({ reason: messageOf(cause) }, 'the thread that works on pages has ended, another is started')
    thread = open()
    await ask([])
  }

  const alone = async (page: PageInHand): Promise<MadeOfPages> => {
    for (let ends = 0; ends < MAX_ENDS; ends++) {
      try {
        return await ask([page])
      } catch (cause) {
        await renew(cause)
      }
    }
    return bury([page])
  }

  const oneByOne = async (pages: readonly PageInHand[]): Promise<MadeOfPages> => {
    const made: MadeOfPages[] = []
    for (const page of pages) made.push(await alone(page))
    return together(made)
  }

  return {
    work: async (pages) => {
      await search
      const used = thread
      try {
        return await ask(pages)
      } catch (cause) {
        const made = search.then(async () => {
          if (thread === used) await renew(cause)
          return oneByOne(pages)
        })
        search = made.catch(() => undefined)
        return made
      }
    },
    stop: () => {
      isStopped = true
      return thread.stop()
    },
  }
}
