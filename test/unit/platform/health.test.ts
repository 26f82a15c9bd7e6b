// What is said of a role in each situation, and that 'stuck' is said of none that will go on by itself.
import { describe, expect, test } from 'vitest'
import { RoleHealth } from '../../../platform/health.ts'
import { type ConsumerReport, FetchWatch } from '../../../platform/kafka/fetch-watch.ts'
import { type Facts, HEALTH_LIMITS, judge } from '../../../platform/role-state.ts'

const MINUTE = 60_000
const hearing: ConsumerReport = { generation: 1, isPaused: false, isAway: false, isJoining: false, silentMs: 400, lag: 0 }
const facts = (part: Partial<Facts>): Facts => ({ phase: 'running', away: new Map(), hasWork: false, workSince: 0, ...part })

describe('a role', () => {
  test.each<[string, Partial<Facts>, ReturnType<typeof judge>]>([
    ['that comes up is starting', { phase: 'starting' }, { state: 'starting' }],
    ['without work is idle', { consumer: hearing }, { state: 'idle' }],
    ['with work is busy', { hasWork: true, consumer: hearing }, { state: 'busy' }],
    [
      'whose service is away waits for it',
      { hasWork: true, away: new Map([['PostgreSQL', 5]]) },
      { state: 'waiting', for: 'PostgreSQL' },
    ],
    [
      'that comes up while a service is away waits for it',
      { phase: 'starting', away: new Map([['Kafka', 5]]) },
      { state: 'waiting', for: 'Kafka' },
    ],
    [
      'whose consumer says that Kafka is away waits for it',
      { consumer: { ...hearing, isAway: true } },
      { state: 'waiting', for: 'Kafka' },
    ],
    [
      'whose consumer is silent for long waits for Kafka',
      { consumer: { ...hearing, silentMs: 11_000 } },
      { state: 'waiting', for: 'Kafka' },
    ],
    ['that was given up is lost', { phase: 'lost', reason: 'crashed' }, { state: 'lost', reason: 'crashed' }],
    ['that was told to stop says so', { phase: 'stopping', hasWork: true }, { state: 'stopping' }],
  ])('%s', (_, given, said) => {
    expect(judge(facts(given), 1_000)).toEqual(said)
  })

  test('whose consumer has heard nothing for a minute is stuck, with work or without', () => {
    for (const hasWork of [true, false]) {
      expect(judge(facts({ hasWork, consumer: { ...hearing, silentMs: 61_000 } }), 0)).toMatchObject({ state: 'stuck' })
    }
  })

  test('is not stuck while its consumer joins or Kafka is away, unless that takes three minutes', () => {
    for (const why of ['isJoining', 'isAway'] as const) {
      expect(judge(facts({ consumer: { ...hearing, [why]: true, silentMs: 2 * MINUTE } }), 0).state).toBe('waiting')
      expect(judge(facts({ consumer: { ...hearing, [why]: true, silentMs: 4 * MINUTE } }), 0).state).toBe('stuck')
    }
  })

  test('whose work makes no progress is stuck, but not while a service is away', () => {
    const late = HEALTH_LIMITS.noProgressMs + 1
    expect(judge(facts({ hasWork: true }), late - 2).state).toBe('busy')
    expect(judge(facts({ hasWork: true }), late)).toEqual({ state: 'stuck', reason: 'its work made no progress for 300 s' })
    expect(judge(facts({ hasWork: true, away: new Map([['PostgreSQL', 0]]) }), late).state).toBe('waiting')
    expect(judge(facts({ hasWork: false }), late).state).toBe('idle')
  })
})

describe('the health of a role', () => {
  const running = () => {
    const clock = { now: 0 }
    const health = new RoleHealth('sink', { now: () => clock.now })
    const work = { is: true }
    health.starting()
    health.watch({ hasWork: () => work.is })
    health.started()
    const stateAfter = (ms: number) => {
      clock.now += ms
      return health.report().state
    }
    return { health, clock, work, stateAfter }
  }

  test('counts the time without progress from the last progress, the last idleness and the end of the last outage', () => {
    const { health, work, stateAfter } = running()
    expect(stateAfter(4 * MINUTE)).toBe('busy')
    health.progress()
    expect(stateAfter(4 * MINUTE)).toBe('busy')
    const back = health.away('PostgreSQL')
    expect(stateAfter(20 * MINUTE)).toBe('waiting')
    back()
    expect(stateAfter(4 * MINUTE)).toBe('busy')
    work.is = false
    expect(stateAfter(60 * MINUTE)).toBe('idle')
    work.is = true
    expect(stateAfter(4 * MINUTE)).toBe('busy')
    expect(stateAfter(2 * MINUTE)).toBe('stuck')
  })

  test('a service is back when all who missed it have said so, each once', () => {
    const { health } = running()
    const [one, other] = [health.away('PostgreSQL'), health.away('PostgreSQL')]
    one()
    one()
    expect(health.report()).toMatchObject({ state: 'waiting', for: 'PostgreSQL' })
    other()
    expect(health.report().state).toBe('busy')
  })

  test('says since when it waits, also when nobody looked meanwhile', () => {
    const { health, clock } = running()
    health.away('Redis')
    clock.now += 90_000
    const { since } = health.report()
    expect(Date.now() - Date.parse(since)).toBeGreaterThanOrEqual(90_000)
  })

  test('a restarted role begins anew', () => {
    const { health, stateAfter } = running()
    expect(stateAfter(6 * MINUTE)).toBe('stuck')
    health.starting()
    expect(health.report()).toMatchObject({ state: 'starting', restarts: 1 })
    health.started()
    expect(health.report().state).toBe('idle')
  })
})

describe('a consumer', () => {
  test('is not silent before it is asked to start', () => {
    expect(new FetchWatch().silentMs(1e9)).toBe(0)
  })

  test('is silent since the first fetch without an answer, however often it is tried again', () => {
    const watch = new FetchWatch()
    watch.joined(0)
    watch.asked(1, 10)
    watch.answered(1, 500)
    watch.asked(1, 501)
    watch.asked(1, 30_501)
    expect(watch.silentMs(60_501)).toBe(60_001)
  })

  test('that does not even ask any more is silent since the last answer', () => {
    const watch = new FetchWatch()
    watch.joined(0)
    watch.asked(1, 10)
    watch.answered(1, 500)
    expect(watch.silentMs(60_500)).toBe(60_000)
  })

  test('is silent when one of its brokers is, though others answer', () => {
    const watch = new FetchWatch()
    watch.joined(0)
    watch.asked(1, 10)
    watch.asked(2, 10)
    for (let now = 500; now <= 60_000; now += 500) {
      watch.answered(2, now)
      watch.asked(2, now)
      if (now === 30_000) watch.asked(1, now)
    }
    expect(watch.silentMs(60_010)).toBe(60_000)
  })

  test('that is paused is not silent while its heartbeats are answered, though a request to one of its brokers was broken off', () => {
    const watch = new FetchWatch()
    watch.joined(0)
    watch.asked(1, 10)
    watch.answered(1, 500)
    watch.asked(2, 10)
    for (let now = 1_500; now <= 90_000; now += 1_500) watch.held(now)
    expect(watch.silentMs(91_000)).toBe(1_000)
  })

  test('begins anew when the group is joined', () => {
    const watch = new FetchWatch()
    watch.rejoining(0)
    watch.asked(1, 10)
    watch.restarting(20_000)
    expect([watch.isAway, watch.silentMs(20_010)]).toEqual([true, 10])
    watch.joined(40_000)
    expect([watch.isAway, watch.isJoining, watch.silentMs(40_010)]).toEqual([false, false, 10])
  })
})
