// Whether a connected account can be synced: one request for each entity, under the limit that all share, tells address, credential and
// permission apart; its headers tell the vendor's clock and limit.
import type { ApiConnection, ApiResponse } from '../adapters/core/adapter.ts'
import { isApiError } from '../adapters/core/errors.ts'
import type { ListedConnection } from '../ledger/organisations.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import type { VendorConnection } from '../producers/connections.ts'
import { type Finding, findingOf } from './finding.ts'
import type { Runtime } from './runtime.ts'
import { withVendor } from './vendor.ts'
import { count, duration } from './words.ts'

/** By as much a source's clock may be behind without a change being missed (docs/decisions/0014-watermarks.md). */
const MAX_SKEW_MS = 6 * 60_000

const clock = async ({ headers }: ApiResponse): Promise<string> => {
  const at = Date.parse(headers['date'] ?? '')
  if (Number.isNaN(at)) return 'not told'
  const skew = Math.abs(Date.now() - at)
  // A header has seconds, and was a moment under way.
  if (skew <= MAX_SKEW_MS) return skew < 2_000 ? 'the same as ours' : `${duration(skew)} from ours`
  throw new SynclineError('config', `The clocks are ${duration(skew)} apart: a delta may miss what changed meanwhile`, {
    remedy: 'Set the clock of this machine by NTP.',
  })
}

const limit = async (vendor: VendorConnection, { rate }: ApiResponse): Promise<string> => {
  const { requests, periodMs } = vendor.adapter.limit
  if (rate.limit === undefined) return `not told; ${requests} requests in ${duration(periodMs)} are kept to`
  const used = rate.count === undefined ? '' : `, ${rate.count} used`
  return `${rate.limit} requests in ${duration(rate.periodMs ?? periodMs)}${used}`
}

/** Of the entities that are listed by themselves; whoever may read the parent may read what is below it. */
const askEach = async (vendor: VendorConnection, api: ApiConnection, signal: AbortSignal) => {
  const listed = vendor.adapter.manifest.definitions.filter(({ endpoints }) => endpoints.list !== undefined)
  const answers: { readonly entity: string; readonly response?: ApiResponse; readonly error?: unknown }[] = []
  for (const { entity } of listed) {
    const answer = await api
      .send(vendor.adapter.probe(entity), { signal })
      .then((response) => ({ entity, response }))
      .catch((error: unknown) => ({ entity, error }))
    answers.push(answer)
    // No other would be answered differently.
    if ('error' in answer && !isApiError(answer.error, 'permission', 'gone')) break
  }
  return answers
}

const readable = async (vendor: VendorConnection, entity: string, response: ApiResponse): Promise<string> => {
  const { total } = vendor.adapter.parseList(entity, response.body)
  return total === null ? 'can be read' : `can be read, ${count(total, 'record')}`
}

const findings = (of: string, vendor: VendorConnection, answers: Awaited<ReturnType<typeof askEach>>): Promise<Finding>[] => {
  const first = answers.find(({ response }) => response !== undefined)?.response
  const failed = answers.find(({ error }) => error !== undefined && !isApiError(error, 'permission', 'gone'))
  if (failed !== undefined || first === undefined) {
    const error = failed?.error ?? answers[0]?.error
    return [findingOf({ of, subject: 'address and credential' }, () => Promise.reject(error))]
  }
  return [
    findingOf({ of, subject: 'address and credential' }, async () => 'accepted'),
    findingOf({ of, subject: 'clock' }, () => clock(first)),
    findingOf({ of, subject: 'limit' }, () => limit(vendor, first)),
    ...answers.map(({ entity, response, error }) =>
      findingOf({ of, subject: entity }, () =>
        response === undefined ? Promise.reject(error) : readable(vendor, entity, response),
      ),
    ),
  ]
}

export const checkSource = async (runtime: Runtime, connection: ListedConnection): Promise<readonly Finding[]> => {
  const of = `${connection.orgId}/${connection.source}`
  try {
    return await withVendor(runtime, connection, async ({ vendor, api, interruptible }) => {
      const answers = await askEach(vendor, api, interruptible())
      return Promise.all(findings(of, vendor, answers))
    })
  } catch (error) {
    return [
      await findingOf({ of, subject: 'connection' }, () =>
        Promise.reject(error instanceof Error ? error : new Error(messageOf(error))),
      ),
    ]
  }
}
