// What the ledger has not closed, in figures for those who watch an installation: all organisations together.
import type { Queryable } from '../platform/postgres.ts'
import { joinAcceptedPage } from './landings.ts'

export interface Backlog {
  /** Accepted pages of active runs of which some record has no outcome. */
  readonly openPages: number
  /** Records to be asked for by their id. */
  readonly asks: number
  readonly deadLetters: readonly { readonly stage: string; readonly letters: number }[]
  readonly toAuthorise: number
  readonly refusedAuthorisations: readonly { readonly reason: string; readonly times: number }[]
  readonly pausedSources: number
  /** Nobody has seen to them for two minutes. */
  readonly overdueSchedules: number
  readonly unsentNotifications: number
}

const ALWAYS_ON = `
  select (select count(*) from sync.source_health where paused_at is not null) as "pausedSources",
    (select count(*) from sync.schedules s left join sync.source_health h on (h.org_id, h.source) = (s.org_id, s.source)
     where s.paused_at is null and h.paused_at is null and s.fires_at < now() - interval '2 minutes') as "overdueSchedules",
    (select count(*) from sync.notifications where ended_at is null) as "unsentNotifications"`

export const readBacklog = async (client: Queryable): Promise<Backlog> => {
  const { rows } = await client.query<{ open: number }>(
    `select count(distinct (l.run_id, l.range_id, l.page)) as open
     from sync.landings l ${joinAcceptedPage('l')}
     where not l.complete and l.run_id in (select run_id from sync.runs where state in ('planned', 'running', 'paused'))`,
  )
  const { rows: deadLetters } = await client.query<{ stage: string; letters: number }>(
    "select stage, count(*) as letters from sync.dead_letters where state = 'open' group by stage",
  )
  const { rows: asked } = await client.query<{ asks: number }>('select count(*) as asks from sync.asks')
  const { rows: waiting } = await client.query<{ n: number }>("select count(*) as n from sync.tokens where state = 'reauthorise'")
  const { rows: refusedAuthorisations } = await client.query<{ reason: string; times: number }>(
    'select reason, times from sync.refused_authorisations',
  )
  const { rows: alwaysOn } =
    await client.query<Pick<Backlog, 'pausedSources' | 'overdueSchedules' | 'unsentNotifications'>>(ALWAYS_ON)
  const { pausedSources = 0, overdueSchedules = 0, unsentNotifications = 0 } = alwaysOn[0] ?? {}
  return {
    openPages: rows[0]?.open ?? 0,
    asks: asked[0]?.asks ?? 0,
    deadLetters,
    toAuthorise: waiting[0]?.n ?? 0,
    refusedAuthorisations,
    pausedSources,
    overdueSchedules,
    unsentNotifications,
  }
}
