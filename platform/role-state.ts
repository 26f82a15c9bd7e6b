// What may be said of a role: facts go in, one state comes out. Pure.
// Must hold: 'stuck' is said of a role that will not go on by itself, never of one that has nothing to do or waits for a service.
import type { ConsumerReport } from './kafka/fetch-watch.ts'

export const ROLE_STATES = ['starting', 'idle', 'busy', 'waiting', 'stuck', 'stopping', 'lost'] as const
export type RoleState = (typeof ROLE_STATES)[number]

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
