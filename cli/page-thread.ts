// The program of the thread in which a process role works on its pages: the adapters' manifests, put together with the stage.
import { adapters } from '../adapters/index.ts'
import { serveThread } from '../platform/thread.ts'
import type { MadeOfPages, PageInHand } from '../processors/page-work.ts'
import { handedMade, type PageThreadSetUp, pageWorkOf } from '../processors/page-worker.ts'
import { topicsWithPrefix } from '../topics/list.ts'

serveThread<PageThreadSetUp, readonly PageInHand[], MadeOfPages>(({ prefix, schemaIds }) => {
  const manifests = adapters.map((adapter) => adapter.manifest)
  const work = pageWorkOf(topicsWithPrefix(prefix), manifests, schemaIds)
  return async (pages) => handedMade(await work(pages))
})
