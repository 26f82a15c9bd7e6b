import { describe, expect, it } from 'vitest'
import { waitOf, waitOfRun, waitText } from '../../../cli/waits.ts'
import type { EntityReport } from '../../../ledger/report.ts'
import { fetched, report } from './reports.ts'

const STARTED = new Date('2026-01-02T03:04:05Z')
const OWN = { orgId: 'acme', source: 'pco', errorCode: null, strategy: 'full', approves: null } as const
const RUNNING = { ...OWN, state: 'running', startedAt: STARTED, stateSince: STARTED } as const
const ALL_LIVE = new Map(['orchestrate', 'fetch', 'process', 'sink'].map((role): [string, number] => [role, 1]))
const without = (role: string) => new Map([...ALL_LIVE].filter(([name]) => name !== role))

const wait = (entity: EntityReport, others: readonly EntityReport[] = [], live = ALL_LIVE) =>
  waitOf(RUNNING, entity, [entity, ...others], live)

describe('what an entity waits for', () => {
  it('an entity at work or ended waits for nothing', () => {
    expect(wait(report('person'))).toBeUndefined()
    expect(wait(report('person', { state: 'closed', waitingFor: 'limit' }))).toBeUndefined()
  })

  it('before it starts: the dependencies that have not ended', () => {
    const person = report('person', { state: 'waiting', hard: ['household'], soft: ['campus', 'group'] })
    const others = [report('household'), report('campus', { state: 'unproven' }), report('group', { state: 'waiting' })]
    expect(wait(person, others)).toMatchObject({ for: 'entities', what: 'the end of household, group', since: RUNNING.startedAt })
  })

  it('a carried entity starts with its carrier', () => {
    expect(wait(report('email', { state: 'waiting', carrier: 'person', hard: ['person'] }))?.what).toBe('person to start')
  })

  it('the limit, and for how long', () => {
    const since = new Date('2026-01-02T03:05:00Z')
    const waited = wait(report('person', { waitingFor: 'limit', waitingSince: since, waitingMs: 12_000 }))
    expect(waited).toMatchObject({ for: 'limit', since })
    expect(waited && waitText(waited)).toBe("the API's limit, for 12s")
  })

  it('another try, and why', () => {
    expect(wait(report('person', { waitingFor: 'retry', waitingReason: 'status 503' }))?.what).toBe('another try: status 503')
  })

  it('records that have not landed come before the parents', () => {
    const email = fetched('email', 10, 3, { state: 'landing', hard: ['person'] })
    expect(wait(email, [report('person')])?.what).toBe('3 records to land')
    expect(wait({ ...email, missing: 0 }, [report('person')])?.what).toBe('the end of person')
    expect(wait({ ...email, missing: 0, parked: 1 }, [report('person', { state: 'closed' })])?.for).toBe('sweep')
  })

  it.each([
    ['orchestrate', report('person', { state: 'waiting' })],
    ['fetch', report('person')],
    ['process', fetched('person', 10, 3, { state: 'landing' })],
    ['sink', fetched('person', 10, 3, { state: 'landing' })],
  ])('a %s worker, when there is none', (role, entity) => {
    expect(wait(entity, [], without(role))).toMatchObject({ for: 'worker', what: `a worker: syncline worker ${role}` })
  })

  it('a paused run waits to be resumed', () => {
    const paused = { ...OWN, state: 'paused', startedAt: null, stateSince: STARTED } as const
    expect(waitOf(paused, report('person'), [], ALL_LIVE)).toMatchObject({ for: 'resume', since: STARTED })
    expect(waitOfRun(paused, ALL_LIVE)?.for).toBe('resume')
  })

  it('a run whose connection was refused waits for that, and the next command is named', () => {
    const paused = { ...OWN, state: 'paused', errorCode: 'auth', startedAt: null, stateSince: STARTED } as const
    const waited = waitOf(paused, report('person'), [], ALL_LIVE)
    expect(waited).toMatchObject({ for: 'authorisation', since: STARTED })
    expect(waited?.what).toContain('syncline org connect acme --source pco')
  })

  it('a run that nobody plans waits for an orchestrator', () => {
    const planned = { ...OWN, state: 'planned', startedAt: null, stateSince: STARTED } as const
    expect(waitOfRun(planned, without('orchestrate'))).toMatchObject({ for: 'worker', since: STARTED })
    expect(waitOfRun(planned, ALL_LIVE)).toMatchObject({ for: 'turn', what: 'its turn to begin' })
    expect(waitOfRun({ ...planned, strategy: 'delta' }, ALL_LIVE)).toBeUndefined()
    expect(waitOfRun({ ...planned, state: 'complete' }, new Map())).toBeUndefined()
  })

  it('a walk that nobody has taken for long waits for its turn', () => {
    expect(wait(report('person', { idleMs: 900 }))).toBeUndefined()
    expect(wait(report('person', { idleMs: 9_000 }))).toMatchObject({ for: 'turn', ms: 9_000 })
  })

  it('a carried entity waits for what its carrier waits for', () => {
    const carrier = report('person', { waitingFor: 'limit', waitingMs: 3_000 })
    expect(wait(report('email', { carrier: 'person' }), [carrier])?.what).toBe("person, which waits for the API's limit")
    expect(wait(report('email', { carrier: 'person' }), [report('person')])).toBeUndefined()
  })

  it('every wait says since when', () => {
    const since = new Date('2026-01-02T03:05:00Z')
    const landing = fetched('person', 10, 3, { state: 'landing', openSince: since })
    expect(wait(landing)).toMatchObject({ for: 'landing', since })
    expect(wait(landing, [], without('sink'))).toMatchObject({ for: 'worker', since })
    const waits = [
      wait(report('person'), [], without('fetch')),
      wait(report('email', { state: 'landing', hard: ['person'] }), [report('person')]),
      wait(report('email', { state: 'landing', parked: 2 })),
      wait(report('email', { state: 'waiting', soft: ['person'] }), [report('person')]),
    ]
    expect(waits.map((each) => each?.since instanceof Date)).toEqual([true, true, true, true])
  })

  it('pages that were healed are told of', () => {
    const landing = fetched('person', 10, 3, { state: 'landing', healed: 2 })
    expect(wait(landing)?.what).toBe('3 records to land; 2 pages vanished on Kafka and were healed')
  })
})
