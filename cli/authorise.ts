// One authorisation: callbacks go in, and the one that it waits for becomes a stored connection. Whatever is foreign, late or comes again
// is told and changes nothing.
import { randomUUID } from 'node:crypto'
import type { Adapter, OAuthApi, Owner } from '../adapters/core/adapter.ts'
import { bearerToken } from '../adapters/core/auth.ts'
import { isApiError } from '../adapters/core/errors.ts'
import { identify } from '../adapters/core/identity.ts'
import { exchangeCode, type OAuthApp, type TokenAnswer, type Tokens } from '../adapters/core/oauth.ts'
import { accountOfRows } from '../ledger/accounts.ts'
import { noteRefusedAuthorisation, type RefusedAuthorisation, takeState } from '../ledger/authorisations.ts'
import { saveAuthorised } from '../ledger/authorised.ts'
import { databaseTime } from '../ledger/database-time.ts'
import { limitKeyOfAccount } from '../ledger/limit-key.ts'
import type { Connection, Put } from '../ledger/organisations.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { deferred, pause } from '../platform/lifecycle.ts'
import { accountProblem } from '../producers/account-guard.ts'
import type { Callback, CallbackVerdict } from './callback.ts'
import type { Runtime } from './runtime.ts'
import { say } from './terminal.ts'
import { withVendor } from './vendor.ts'

export interface AuthorisationPlan {
  readonly connection: Connection
  readonly adapter: Adapter
  readonly oauth: OAuthApi
  readonly baseUrl: string
  readonly app: OAuthApp
  readonly verifier: string
  readonly redirectUri: () => string
  readonly limitKey: string | undefined
}

export interface AuthorisationEnd extends Put {
  readonly scope: string
}

export interface Authorisation {
  /** Of one callback; does not throw. */
  judge(callback: Callback): Promise<CallbackVerdict>
  /** Undefined: interrupted. Rejects with why it failed, after ten minutes too. */
  ended(interrupt: AbortSignal): Promise<AuthorisationEnd | undefined>
}

const LIFE_MS = 10 * 60_000
const PERMIT_WAIT_MS = 1_000

const LINES: Readonly<Record<RefusedAuthorisation, string>> = {
  foreign: 'A callback came whose state was not made by this command; it was refused and nothing was changed.',
  reused: 'A callback came whose state had been used already; it was refused and nothing was changed.',
  expired: 'The callback came after its ten minutes were over; it was refused and nothing was changed.',
  denied: 'The vendor came back without consent; nothing was changed.',
  code: 'The vendor does not give tokens for this consent; nothing was changed.',
  account: 'This consent is for another account than the rows are of; nothing was changed.',
}

export const createAuthorisation = (runtime: Runtime, plan: AuthorisationPlan): Authorisation => {
  const { connection } = plan
  const end = deferred<AuthorisationEnd>()
  const again = `Begin again with: syncline org connect ${connection.orgId} --source ${connection.source}`

  const refuse = async (why: RefusedAuthorisation): Promise<CallbackVerdict> => {
    await noteRefusedAuthorisation(runtime.pool, why)
    return { status: 400, page: LINES[why] }
  }

  const fail = async (error: SynclineError, why: RefusedAuthorisation): Promise<CallbackVerdict> => {
    const verdict = await refuse(why)
    end.reject(error)
    return verdict
  }

  const settle = async ({ state, code, error }: Callback): Promise<CallbackVerdict> => {
    const outcome = await takeState(runtime.pool, connection, state)
    if (outcome === 'foreign' || outcome === 'reused') {
      // Not meant for this one, which goes on waiting: anybody can send such a callback.
      say(`${LINES[outcome]} Still waiting.`)
      return refuse(outcome)
    }
    if (outcome === 'expired') return fail(new SynclineError('auth', LINES.expired, { remedy: again }), 'expired')
    if (code === null) {
      const why = error === 'access_denied' ? LINES.denied : `${LINES.denied} It says: ${error ?? 'nothing'}.`
      return fail(new SynclineError('auth', why, { remedy: again }), 'denied')
    }
    const at = await databaseTime(runtime.pool)
    const answer = await exchangeCode(
      { api: plan.oauth, baseUrl: plan.baseUrl, app: plan.app },
      { code, redirectUri: plan.redirectUri(), verifier: plan.verifier },
    )
    if (answer.kind !== 'tokens') return fail(noTokens(answer, again), 'code')
    const owner = await ownerOf(plan, answer.tokens)
    const problem = owner && accountProblem(connection, owner.account, await accountOfRows(runtime.pool, connection))
    if (problem) return fail(problem, 'account')
    end.resolve({ ...(await store(runtime, plan, { tokens: answer.tokens, at, owner })), scope: answer.tokens.scope })
    return { status: 200, page: `${connection.orgId} is connected. This window can be closed.` }
  }

  return {
    judge: async (callback) => {
      try {
        return await settle(callback)
      } catch (error) {
        end.reject(error)
        return { status: 500, page: 'It could not be stored; the command line says why.' }
      }
    },
    ended: (interrupt) => {
      const over = new AbortController()
      const expired = pause(LIFE_MS, over.signal).then(() => {
        if (!over.signal.aborted) throw new SynclineError('auth', 'Nobody consented within ten minutes.', { remedy: again })
        return undefined
      })
      const interrupted = new Promise<undefined>((resolve) => {
        interrupt.addEventListener('abort', () => resolve(undefined), { once: true })
      })
      return Promise.race([end.promise, expired, interrupted]).finally(() => over.abort())
    },
  }
}

const noTokens = (answer: Exclude<TokenAnswer, { kind: 'tokens' }>, again: string): SynclineError => {
  if (answer.kind !== 'refused') return answer.error
  const remedy = answer.code === 'invalid_client' ? `Check client id and secret of the app. ${again}` : again
  return new SynclineError('auth', `The vendor refuses to give tokens: ${answer.reason}.`, { remedy })
}

interface Given {
  readonly tokens: Tokens
  readonly at: Date
  readonly owner: Owner | null
}

const store = async (runtime: Runtime, plan: AuthorisationPlan, { tokens, at, owner }: Given): Promise<Put> => {
  const { connection, app } = plan
  const limitKey =
    owner === null
      ? (plan.limitKey ?? randomUUID())
      : limitKeyOfAccount(connection.adapter, `${plan.baseUrl}\n${owner.account}/${owner.user}`)
  const account = owner?.account ?? null
  const authorised = { ...connection, ...app, limitKey, account, pair: tokens, at }
  const put = await saveAuthorised(runtime.pool, runtime.encryptionKey(), authorised)
  if (owner !== null) await countIdentification(runtime, connection)
  return put
}

/** Null where these tokens may not ask, or it is not answered: then it is asked before anything is read. */
const ownerOf = async ({ adapter, baseUrl }: AuthorisationPlan, { accessToken }: Tokens): Promise<Owner | null> => {
  const api = adapter.open({ auth: bearerToken(accessToken), baseUrl })
  try {
    return await identify(adapter.identity, (request) => api.send(request))
  } catch (error) {
    if (isApiError(error)) return null
    throw error
  } finally {
    await api.close()
  }
}

/** The request that asked who this is was made before there was a window for it: it takes its slot now (invariant 7). */
const countIdentification = (runtime: Runtime, connection: Connection): Promise<void> =>
  withVendor(runtime, connection, async ({ vendor, limiter }) => {
    const acquired = await vendor.permit(performance.now() + PERMIT_WAIT_MS, AbortSignal.timeout(PERMIT_WAIT_MS))
    if ('permit' in acquired) await limiter.settle(vendor.limiterKey, acquired.permit, {})
  }).catch((error: unknown) => runtime.log.debug({ reason: messageOf(error) }, 'the limiter was not told of one request'))
