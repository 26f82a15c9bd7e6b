// How a role is: what it says of itself goes in (progress, services that are away, its queue, its consumer), a report comes out.
import { SynclineError } from './errors.ts'
import type { ConsumerReport } from './kafka/fetch-watch.ts'
import { pause } from './lifecycle.ts'
import { type Facts, HEALTH_LIMITS, type HealthLimits, judge, type RoleState, type Verdict } from './role-state.ts'

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

const WATCH_INTERVAL_MS = 5_000
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
