// How many records a run would read, by one small request for each entity: its walk's first, for a single record, tells the total.
import type { ApiResponse, RateObservation } from '../adapters/core/adapter.ts'
import { isApiError } from '../adapters/core/errors.ts'
import { sendWithRetry } from '../adapters/core/retry.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import { firstWalk } from '../orchestrator/ranges.ts'
import { messageOf } from '../platform/errors.ts'
import type { Known } from './plan-estimate.ts'
import type { OpenVendor } from './vendor.ts'

export interface Counted {
  readonly known: ReadonlyMap<string, Known>
  /** What the API's headers said of its limit last. */
  readonly rate: RateObservation
}

/** A person waits for it: an API that is away is told soon. */
const RETRIES = 2

interface Question {
  readonly request: Parameters<OpenVendor['api']['send']>[0]
  /** Throws SynclineError('bad-response') when the API did not do what it was asked for. */
  total(response: ApiResponse): number | null
}

/** Null: no request tells it. */
const questionOf = ({ vendor: { adapter } }: OpenVendor, plan: EntityPlan): Question | null => {
  const { entity, paging } = plan
  const walk = firstWalk(plan)
  if (walk?.kind === 'keyset' || walk?.kind === 'offset') {
    const { start, request, advance } = adapter.walk({ entity, walk, carries: [] }, { perPage: 1 })
    return {
      request: request(start),
      total: ({ body }) => {
        const page = adapter.parseList(entity, body)
        advance(start, page)
        return page.total
      },
    }
  }
  // Of changes that can only be walked down to, a total says nothing.
  if (walk !== null || paging.kind !== 'parents') return null
  return { request: adapter.probe(paging.parent), total: ({ body }) => adapter.parseList(paging.parent, body).total }
}

const questionsFor = (
  open: OpenVendor,
  plan: readonly EntityPlan[],
  isOpen: (entity: string) => boolean,
): readonly EntityPlan[] => {
  const wanted = plan.filter(({ entity }) => isOpen(entity))
  const isAsked = (each: EntityPlan): boolean => questionOf(open, each) !== null
  return wanted.some(isAsked) ? wanted : [...wanted, ...plan.filter(isAsked).slice(0, 1)]
}

/**
 * Counts the entities of which `isOpen`, and asks one question at least: its answer tells the limit, and that the API answers at all.
 * Throws what the API answers, unless it is about this entity alone: that one stays unknown.
 */
export const countRecords = async (
  open: OpenVendor,
  plan: readonly EntityPlan[],
  isOpen: (entity: string) => boolean,
): Promise<Counted> => {
  const { api, vendor } = open
  const options = { auth: vendor.auth, signal: open.interruptible(), retries: RETRIES }
  let rate: RateObservation = {}
  const ask = async (each: EntityPlan): Promise<Known> => {
    const question = questionOf(open, each)
    if (question === null) return { by: 'nothing', why: 'the API does not tell how much has changed' }
    try {
      const read = (response: ApiResponse): number | null => {
        rate = { ...rate, ...response.rate }
        return question.total(response)
      }
      const total = await sendWithRetry(api, question.request, read, options)
      return total === null ? { by: 'nothing', why: 'the API does not tell how many there are' } : { by: 'count', total }
    } catch (error) {
      if (isApiError(error, 'permission', 'gone')) return { by: 'nothing', why: messageOf(error) }
      throw error
    }
  }
  const known = new Map<string, Known>()
  // One after the other: the first wrong answer ends it.
  for (const each of questionsFor(open, plan, isOpen)) known.set(each.entity, await ask(each))
  return { known, rate }
}
