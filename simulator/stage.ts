// One life of a simulated organisation, from its origin to the next reset: rows, journal, and the API over them.
import { type Api, createApi } from './api.ts'
import { createDocuments } from './documents.ts'
import { eventOf } from './events.ts'
import { Journal } from './journal.ts'
import { createMutator, type Mutator } from './mutator.ts'
import { createRouter } from './routes.ts'
import type { Webhooks } from './webhooks.ts'
import { createWorld, type Origin, type World } from './world.ts'

export interface Stage {
  readonly world: World
  readonly journal: Journal
  readonly mutator: Mutator
  readonly api: Api
}

export const createStage = (origin: Origin, baseUrl: string, now: () => number, webhooks: Webhooks): Stage => {
  const world = createWorld(origin)
  const documents = createDocuments(world, baseUrl)
  const journal = new Journal(now, (entry) => {
    const told = webhooks.subscriptions.size === 0 ? undefined : eventOf(world, documents, entry)
    if (told !== undefined) webhooks.publish(told)
  })
  const mutator = createMutator(world, journal, now)
  const api = createApi(world, createRouter(world), documents, mutator, webhooks)
  return { world, journal, mutator, api }
}
