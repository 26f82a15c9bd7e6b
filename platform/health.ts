// How a role is: what it says of itself goes in (progress, services that are away, its queue, its consumer), one state comes out.
// Must hold: 'stuck' is said of a role that will not go on by itself, never of one that has nothing to do or waits for a service.
import { SynclineError } from './errors.ts'
import type { ConsumerReport } from './kafka/fetch-watch.ts'
import { pause } from './lifecycle.ts'

export const ROLE_STATES = ['starting', 'idle', 'busy', 'waiting', 'stuck', 'stopping', 'lost'] as const
export type RoleState = (typeof ROLE_STATES)[number]

export interface RoleReport {
  readonly role: string
  readonly state: RoleState
  /** The service that it waits for. */
  readonly for?: string
  /** Why it is stuck or lost. */
  readonly reason?: string
  /** Since when it is in this state; ISO 8601, by the clock of this machine. */
  readonly since: string
  readonly lastProgressAt: string | null
  readonly restarts: number
}

/** Who is told that a service is away; the function that comes back tells that it is there again. */
export interface Outages {
  away(service: string): () => void
}

/** What is asked of a role when somebody wants to know; nothing of it costs anything until then. */
export interface RoleSources {
  /** Something is queued or under way. */
  readonly hasWork: () => boolean
  readonly consumer?: () => ConsumerReport
}

export interface HealthLimits {
  /** Silence of a consumer, in ms, that is told as waiting for Kafka. */
  readonly silenceMs: number
  /** Silence of a consumer, in ms, after which it will not speak again. */
  readonly stuckMs: number
  /** The same while it joins its group or Kafka is away: both may take long. */
  readonly stuckJoiningMs: number
  /** Work in hand without progress, in ms, while no service is away. */
  readonly noProgressMs: number
}

export const HEALTH_LIMITS: HealthLimits = {
  silenceMs: 10_000,
  stuckMs: 60_000,
  stuckJoiningMs: 180_000,
  noProgressMs: 5 * 60_000,
}

/** Times are milliseconds of one monotonic clock. */
export interface Facts {
  readonly phase: 'starting' | 'running' | 'stopping' | 'lost'
  readonly reason?: string | undefined
  /** Services that are away, since when. */
  readonly away: ReadonlyMap<string, number>
  readonly hasWork: boolean
  /** Since when there is work of which nothing was done: not before the last progress, nor the end of the last outage. */
  readonly workSince: number
  readonly consumer?: ConsumerReport | undefined
}

export interface Verdict {
  readonly state: RoleState
  readonly for?: string
  readonly reason?: string
}

const seconds = (ms: number): number => Math.round(ms / 1_000)

const stuckConsumer = ({ consumer }: Facts, limits: HealthLimits): Verdict | undefined => {
  if (consumer === undefined) return undefined
  const limitMs = consumer.isAway || consumer.isJoining ? limits.stuckJoiningMs : limits.stuckMs
  if (consumer.silentMs <= limitMs) return undefined
  const what = consumer.isJoining ? 'did not come into its group' : 'got no answer to a fetch'
  return { state: 'stuck', reason: `its consumer ${what} for ${seconds(consumer.silentMs)} s` }
}

const waiting = ({ away, consumer }: Facts, limits: HealthLimits): Verdict | undefined => {
  const services = [...away.keys()]
  const isSilent = consumer !== undefined && (consumer.isAway || consumer.silentMs > limits.silenceMs)
  if (isSilent && !services.includes('Kafka')) services.push('Kafka')
  return services.length === 0 ? undefined : { state: 'waiting', for: services.join(', ') }
}

/** The state of a role. Pure. */
export const judge = (facts: Facts, now: number, limits: HealthLimits = HEALTH_LIMITS): Verdict => {
  const { phase, reason, hasWork, workSince } = facts
  if (phase === 'lost') return { state: 'lost', ...(reason === undefined ? {} : { reason }) }
  if (phase === 'stopping') return { state: 'stopping' }
  const held = stuckConsumer(facts, limits) ?? waiting(facts, limits)
  if (held !== undefined) return held
  const isStarting = phase === 'starting'
  const quietMs = now - workSince
  if ((isStarting || hasWork) && quietMs > limits.noProgressMs) {
    return {
      state: 'stuck',
      reason: `${isStarting ? 'it did not come up' : 'its work made no progress'} for ${seconds(quietMs)} s`,
    }
  }
  if (isStarting) return { state: 'starting' }
  return { state: hasWork ? 'busy' : 'idle' }
}

const WATCH_INTERVAL_MS = 1_000
const IDLE: RoleSources = { hasWork: () => false }

export class RoleHealth implements Outages {
  readonly role: string
  readonly #limits: HealthLimits
  readonly #now: () => number
  readonly #away = new Map<string, { since: number; count: number }>()
  #sources: RoleSources = IDLE
  #phase: Facts['phase'] = 'starting'
  #reason: string | undefined
  #restarts = -1
  #progressAt: number | undefined
  #workSince: number
  #verdict: Verdict = { state: 'starting' }
  #since: number

  constructor(role: string, { now = () => performance.now(), limits = HEALTH_LIMITS } = {}) {
    this.role = role
    this.#now = now
    this.#limits = limits
    this.#workSince = now()
    this.#since = now()
  }

  /** An attempt to bring the role up begins; what an earlier one told does not count any more. */
  starting(): void {
    this.#phase = 'starting'
    this.#sources = IDLE
    this.#workSince = this.#now()
    this.#restarts++
  }

  started(): void {
    this.#phase = 'running'
    this.#workSince = this.#now()
  }

  stopping(): void {
    if (this.#phase !== 'lost') this.#phase = 'stopping'
  }

  lost(reason: string): void {
    this.#phase = 'lost'
    this.#reason = reason
  }

  watch(sources: RoleSources): void {
    this.#sources = sources
  }

  /** Once per batch, slice or tick that is done. */
  progress(): void {
    this.#progressAt = this.#now()
    this.#workSince = this.#progressAt
  }

  /** May be told by several at once: the service is back when all of them have said so. */
  away(service: string): () => void {
    const outage = this.#away.get(service) ?? { since: this.#now(), count: 0 }
    outage.count++
    this.#away.set(service, outage)
    let isBack = false
    return () => {
      if (isBack) return
      isBack = true
      this.#workSince = this.#now()
      if (--outage.count === 0) this.#away.delete(service)
    }
  }

  consumer(): ConsumerReport | undefined {
    return this.#sources.consumer?.()
  }

  report(): RoleReport {
    const now = this.#now()
    this.#observe(now)
    const at = (time: number): string => new Date(Date.now() - (now - time)).toISOString()
    return {
      role: this.role,
      ...this.#verdict,
      since: at(this.#since),
      lastProgressAt: this.#progressAt === undefined ? null : at(this.#progressAt),
      restarts: Math.max(0, this.#restarts),
    }
  }

  /** Rejects when the role is stuck; resolves when the signal aborts. */
  async untilStuck(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#observe(this.#now())
      if (this.#verdict.state === 'stuck') {
        throw new SynclineError('internal', `The role ${this.role} is stuck: ${this.#verdict.reason ?? 'no reason is known'}`)
      }
      await pause(WATCH_INTERVAL_MS, signal)
    }
  }

  #observe(now: number): void {
    const hasWork = this.#sources.hasWork()
    if (!hasWork && this.#phase === 'running') this.#workSince = now
    const verdict = judge(this.#facts(hasWork), now, this.#limits)
    const isSame = verdict.state === this.#verdict.state && verdict.for === this.#verdict.for
    if (!isSame) this.#since = this.#sinceOf(verdict, now)
    this.#verdict = verdict
  }

  /** Outages are told when they begin, other changes are seen when somebody looks. */
  #sinceOf(verdict: Verdict, now: number): number {
    const since = [...this.#away.values()].map((outage) => outage.since)
    return verdict.state === 'waiting' ? Math.min(now, ...since) : now
  }

  #facts(hasWork: boolean): Facts {
    return {
      phase: this.#phase,
      reason: this.#reason,
      away: new Map([...this.#away].map(([service, { since }]) => [service, since])),
      hasWork,
      workSince: this.#workSince,
      consumer: this.#sources.consumer?.(),
    }
  }
}

/** Tells several roles at once. */
export const outagesOf = (all: readonly Outages[]): Outages => ({
  away: (service) => {
    const backs = all.map((each) => each.away(service))
    return () => {
      for (const back of backs) back()
    }
  },
})
