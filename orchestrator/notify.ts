// Works off the outbox: each notification as a line in the log and, where there is a URL, a POST of JSON. At least once: who receives them
// tells repetitions by `id`. Must hold: neither the URL, which may hold a secret, nor an answer's body is told anywhere (invariant 9).
import {
  endNotification,
  type Notification,
  type NotificationKind,
  postponeNotification,
  takeNotifications,
} from '../ledger/notifications.ts'
import { messageOf } from '../platform/errors.ts'
import { backoffMs } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'

export interface NotifyDeps {
  readonly pool: Pool
  readonly log: Logger
  readonly url?: string | undefined
  readonly signal: AbortSignal
  /** How long a receiver may take, and the first and the longest pause between two tries. */
  readonly times?: { readonly timeoutMs: number; readonly baseMs: number; readonly maxMs: number }
}

const TIMES = { timeoutMs: 10_000, baseMs: 5_000, maxMs: 900_000 }
const AT_ONCE = 20
/** With the longest pause at 15 minutes: two days. */
const MAX_ATTEMPTS = 200

const NEXT_STEP: Readonly<Record<NotificationKind, (of: Pick<Notification, 'orgId' | 'source'>) => string | undefined>> = {
  'source-paused': ({ orgId, source }) => `syncline resume --org ${orgId} --source ${source}`,
  'source-recovered': () => undefined,
  'reauthorisation-needed': ({ orgId, source }) => `syncline org connect ${orgId} --source ${source}`,
}

/** What is sent. */
export const notificationBody = ({ id, kind, orgId, source, createdAt, facts }: Notification) => ({
  ...facts,
  id,
  type: kind,
  org: orgId,
  source,
  at: createdAt.toISOString(),
  next: NEXT_STEP[kind]({ orgId, source }),
})

/** Undefined when it was taken, else what went wrong. */
const post = async (url: string, body: unknown, signal: AbortSignal): Promise<string | undefined> => {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'user-agent': 'syncline' },
      body: JSON.stringify(body),
      // Another host was not asked for.
      redirect: 'manual',
      signal,
    })
    await response.body?.cancel()
    return response.ok ? undefined : `it answered ${response.status}`
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error)
    return cause.replaceAll(url, 'the URL')
  }
}

const say = (log: Logger, { id, kind, orgId, source, facts }: Notification): void => {
  const level = kind === 'source-recovered' ? 'info' : 'error'
  log[level]({ ...facts, notification: id, org: orgId, source }, kind.replaceAll('-', ' '))
}

const send = async (deps: NotifyDeps, notification: Notification): Promise<void> => {
  const { pool, log, url, signal, times = TIMES } = deps
  const { id, attempts } = notification
  if (attempts === 0) say(log, notification)
  if (url === undefined) return endNotification(pool, id, null)
  const timeout = AbortSignal.timeout(times.timeoutMs)
  const wrong = await post(url, notificationBody(notification), AbortSignal.any([signal, timeout]))
  if (wrong === undefined) return endNotification(pool, id, null)
  const facts = { notification: id, attempts: attempts + 1, reason: wrong }
  if (attempts + 1 < MAX_ATTEMPTS) {
    log.debug(facts, 'notification not taken, again later')
    return postponeNotification(pool, id, backoffMs(attempts, times), wrong)
  }
  log.error(facts, 'notification given up')
  return endNotification(pool, id, wrong)
}

/** Sends what is due; one that fails holds up no other. Returns how many were tried. */
export const sendNotifications = async (deps: NotifyDeps): Promise<number> => {
  const due = await takeNotifications(deps.pool, AT_ONCE)
  await Promise.all(due.map((notification) => send(deps, notification)))
  return due.length
}
