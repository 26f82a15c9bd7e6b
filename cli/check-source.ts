// Whether a connected account can be synced: one request for each entity, under the limit that all share, tells address, credential and
// permission apart, and another whose the credential is; its headers tell the vendor's clock and limit.
import type { ApiConnection, ApiResponse } from '../adapters/core/adapter.ts'
import { isApiError } from '../adapters/core/errors.ts'
import type { ListedConnection } from '../ledger/organisations.ts'
import { CLOCK_MARGIN_MS } from '../ledger/watermarks.ts'
import { requireSettings } from '../platform/config.ts'
import { DatabaseClock } from '../platform/database-clock.ts'
import type { VendorConnection } from '../producers/connections.ts'
import { compareClocks } from './check-clock.ts'
import { type Finding, failureOf, findingOf } from './finding.ts'
import type { Runtime } from './runtime.ts'
import { type OpenVendor, withVendor } from './vendor.ts'
import { count, duration } from './words.ts'

const limit = (vendor: VendorConnection, { rate }: ApiResponse): string => {
  const { requests, periodMs } = vendor.adapter.limit
  if (rate.limit === undefined) return `not told; ${requests} requests in ${duration(periodMs)} are kept to`
  const used = rate.count === undefined ? '' : `, ${rate.count} used`
  return `${rate.limit} requests in ${duration(rate.periodMs ?? periodMs)}${used}`
}

type Asked = Pick<OpenVendor, 'vendor' | 'api'>

/** `at`: when it was there, by PostgreSQL's clock. Of the entities that are listed by themselves; whoever may read the parent may read what is below it. */
const askEach = async ({ vendor, api }: Asked, clock: DatabaseClock, signal: AbortSignal) => {
  const listed = vendor.adapter.manifest.definitions.filter(({ endpoints }) => endpoints.list !== undefined)
  const answers: { readonly entity: string; readonly response?: ApiResponse; readonly at?: number; readonly error?: unknown }[] =
    []
  for (const { entity } of listed) {
    const answer = await api
      .send(vendor.adapter.probe(entity), { signal })
      .then((response) => ({ entity, response, at: clock.now() }))
      .catch((error: unknown) => ({ entity, error }))
    answers.push(answer)
    // No other would be answered differently.
    if ('error' in answer && !isApiError(answer.error, 'permission', 'gone')) break
  }
  return answers
}

/** Whose the credential is. Throws when the rows are another's. */
const account = async (vendor: VendorConnection, api: ApiConnection): Promise<string> =>
  (await vendor.account.compare((request) => api.send(request))) ?? 'not told'

const readable = (vendor: VendorConnection, entity: string, response: ApiResponse): string => {
  const { total } = vendor.adapter.parseList(entity, response.body)
  return total === null ? 'can be read' : `can be read, ${count(total, 'record')}`
}

/** By so much a source's clock may be behind: a delta makes up for it. */
const allowedSkewMs = ({ config }: Runtime): number =>
  CLOCK_MARGIN_MS + Number(requireSettings(config, 'deltaLookBackSeconds').deltaLookBackSeconds) * 1_000

const findings = async (
  runtime: Runtime,
  of: string,
  { vendor, api }: Asked,
  answers: Awaited<ReturnType<typeof askEach>>,
): Promise<readonly Finding[]> => {
  const { response: first, at = Number.NaN } = answers.find(({ response }) => response !== undefined) ?? {}
  const failed = answers.find(({ error }) => error !== undefined && !isApiError(error, 'permission', 'gone'))
  const subject = 'address and credential'
  if (failed !== undefined || first === undefined) return [failureOf({ of, subject }, failed?.error ?? answers[0]?.error)]
  return Promise.all([
    findingOf({ of, subject }, () => 'accepted'),
    findingOf({ of, subject: 'account' }, () => account(vendor, api)),
    findingOf({ of, subject: 'clock' }, () => compareClocks(first.headers['date'], at, allowedSkewMs(runtime))),
    findingOf({ of, subject: 'limit' }, () => limit(vendor, first)),
    ...answers.map(async ({ entity, response, error }) =>
      response === undefined
        ? failureOf({ of, subject: entity }, error)
        : findingOf({ of, subject: entity }, () => readable(vendor, entity, response)),
    ),
  ])
}

export const checkSource = async (runtime: Runtime, connection: ListedConnection): Promise<readonly Finding[]> => {
  const of = `${connection.orgId}/${connection.source}`
  try {
    const clock = new DatabaseClock()
    await clock.refresh(runtime.pool)
    return await withVendor(runtime, connection, async (open) =>
      findings(runtime, of, open, await askEach(open, clock, open.interruptible())),
    )
  } catch (error) {
    return [failureOf({ of, subject: 'connection' }, error)]
  }
}
