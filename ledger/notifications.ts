// The outbox of what operators are told: written in the transaction of what has happened, worked off by the leader, at least once each.
import type { Json } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'

export type NotificationKind = 'source-paused' | 'source-recovered' | 'reauthorisation-needed'

export interface NewNotification {
  readonly orgId: string
  readonly source: string
  readonly kind: NotificationKind
  /** Never a secret, never a payload (invariant 9). */
  readonly facts: Readonly<Record<string, Json>>
}

export interface Notification extends NewNotification {
  readonly id: string
  readonly createdAt: Date
  /** Tries before this one. */
  readonly attempts: number
}

export const queueNotification = async (client: Queryable, { orgId, source, kind, facts }: NewNotification): Promise<void> => {
  await client.query('insert into sync.notifications (org_id, source, kind, facts) values ($1, $2, $3, $4)', [
    orgId,
    source,
    kind,
    JSON.stringify(facts),
  ])
}

/** For so long nobody else takes what is being sent. */
const TAKEN = "interval '1 minute'"

/** Takes what is to be sent now, the oldest first. A leader that dies meanwhile leaves it to be taken again. */
export const takeNotifications = async (client: Queryable, limit: number): Promise<readonly Notification[]> => {
  const { rows } = await client.query<Notification>(
    `update sync.notifications n set next_at = now() + ${TAKEN}, attempts = n.attempts + 1
     from (select notification_id from sync.notifications where ended_at is null and next_at <= now()
           order by created_at limit $1 for update skip locked) due
     where n.notification_id = due.notification_id
     returning n.notification_id as id, n.org_id as "orgId", n.source, n.kind, n.facts, n.created_at as "createdAt",
       n.attempts - 1 as attempts`,
    [limit],
  )
  return rows.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
}

/** It was sent, or with an error: it is given up. */
export const endNotification = async (client: Queryable, id: string, error: string | null): Promise<void> => {
  await client.query('update sync.notifications set ended_at = now(), last_error = $2 where notification_id = $1', [id, error])
}

export const postponeNotification = async (client: Queryable, id: string, delayMs: number, error: string): Promise<void> => {
  await client.query(
    `update sync.notifications set next_at = now() + $2 * interval '1 millisecond', last_error = $3 where notification_id = $1`,
    [id, delayMs, error],
  )
}

/** What was told a month ago is not kept. */
export const forgetNotifications = async (client: Queryable): Promise<void> => {
  await client.query("delete from sync.notifications where ended_at < now() - interval '30 days'")
}
