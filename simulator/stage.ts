// One life of a simulated organisation, from its origin to the next reset: rows, journal, and the API over them.
import { type Api, createApi } from './api.ts'
import { createDocuments } from './documents.ts'
import { Journal } from './journal.ts'
import { createMutator, type Mutator } from './mutator.ts'
import { createRouter } from './routes.ts'
import { createWorld, type Origin, type World } from './world.ts'

export interface Stage {
  readonly world: World
  readonly journal: Journal
  readonly mutator: Mutator
  readonly api: Api
}

export const createStage = (origin: Origin, baseUrl: string, now: () => number): Stage => {
  const world = createWorld(origin)
  const journal = new Journal(now)
  const mutator = createMutator(world, journal, now)
  const api = createApi(world, createRouter(world), createDocuments(world, baseUrl), mutator)
  return { world, journal, mutator, api }
}
