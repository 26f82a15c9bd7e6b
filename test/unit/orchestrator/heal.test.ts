import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OpenPage } from '../../../ledger/healing.ts'
import { exhaustedReason, hasPassed, lostPages, MAX_HEALS, planHealing, type Watch } from '../../../orchestrator/heal.ts'
import { type Offsets, positionIn } from '../../../platform/kafka/offsets.ts'

const page = (number: number, facts: Partial<OpenPage> = {}): OpenPage => ({
  runId: 'run',
  rangeId: 0,
  page: number,
  attempt: 1,
  orgId: 'acme',
  source: 'pco',
  adapter: 'pco',
  entity: 'person',
  open: [{ entity: 'person', state: 'landing' }],
  rawPartition: 0,
  rawOffset: BigInt(number),
  receivedAt: 0,
  heals: 0,
  ...facts,
})

const rawOf = (adapter: string) => `raw.${adapter}`
const at = (offset: bigint): Offsets => new Map([['raw.pco/0', offset]])
const watch = (processed: bigint) => ({ startedAt: 100, processed: at(processed) })
const numbers = (pages: readonly OpenPage[]) => pages.map((each) => each.page)

describe('which pages are lost', () => {
  test('those below what had been processed; what may still be processed is on its way', () => {
    expect(numbers(lostPages(watch(2n), [page(0), page(1), page(2), page(3)], rawOf))).toEqual([0, 1])
  })

  test('a page that never was on the raw topic, when it is older than the watch', () => {
    const never = { rawPartition: -1, rawOffset: -1n }
    expect(numbers(lostPages(watch(0n), [page(0, never), page(1, { ...never, receivedAt: 100 })], rawOf))).toEqual([0])
  })

  test('none of a topic or partition that nothing is known of', () => {
    expect(lostPages(watch(9n), [page(0, { adapter: 'other' }), page(0, { rawPartition: 5 })], rawOf)).toEqual([])
  })
})

test('a group has passed the ends when each of its partitions has, empty ones at once', () => {
  const ends = new Map([
    ['a/0', 3n],
    ['a/1', 0n],
  ])
  expect(hasPassed(ends, new Map([['a/0', 2n]]))).toBe(false)
  expect(hasPassed(ends, new Map([['a/0', 3n]]))).toBe(true)
})

test('a group that committed nothing, less than the start or more than the end begins at the start', () => {
  const log = { low: 5n, high: 9n }
  expect([undefined, 3n, 7n, 9n, 12n].map((committed) => positionIn(log, committed))).toEqual([5n, 5n, 7n, 9n, 5n])
})

/** Raw topic, canonical topic and dead letters with one partition each, as far as healing sees them. */
class Pipeline {
  readonly raw: Log = newLog()
  readonly canonical: Log = newLog()
  readonly dead: Log = newLog()
  readonly landed = new Set<number>()
  received = 0
  clock = 0

  receive(): void {
    this.raw.messages.push(this.received++)
    this.clock++
  }
  process(): void {
    const next = take(this.raw)
    // Every third page is one dead letter, the others one record.
    if (next !== undefined) (next % 3 === 0 ? this.dead : this.canonical).messages.push(next)
  }
  merge(): void {
    const next = take(this.canonical)
    // The sink refuses every fourth.
    if (next === undefined) return
    if (next % 4 === 0) this.dead.messages.push(next)
    else this.landed.add(next)
  }
  bury(): void {
    const next = take(this.dead)
    if (next !== undefined) this.landed.add(next)
  }
  isOnItsWay(number: number): boolean {
    return [this.raw, this.canonical, this.dead].some((log) => log.messages.slice(positionOf(log)).includes(number))
  }
  open(): OpenPage[] {
    const all = Array.from({ length: this.received }, (_, number) => page(number, { receivedAt: number }))
    return all.filter((each) => !this.landed.has(each.page))
  }
}

interface Log {
  readonly messages: number[]
  low: number
  committed: number | undefined
}

const newLog = (): Log => ({ messages: [], low: 0, committed: undefined })
const positionOf = ({ messages, low, committed }: Log): number =>
  Number(positionIn({ low: BigInt(low), high: BigInt(messages.length) }, committed === undefined ? undefined : BigInt(committed)))
const take = (log: Log): number | undefined => {
  const position = positionOf(log)
  if (position >= log.messages.length) return undefined
  log.committed = position + 1
  return log.messages[position]
}
const offsetsOf = (name: string, offset: number): Offsets => new Map([[name, BigInt(offset)]])

const STEPS = ['receive', 'process', 'merge', 'bury', 'trim raw', 'trim canonical', 'trim dead', 'look'] as const

test('whatever the order of events: what is taken for lost is nowhere any more, and what had vanished before is found', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS), { minLength: 20, maxLength: 200 }), (steps) => {
      const line = new Pipeline()
      let watched: (Watch & { readonly vanished: readonly number[] }) | undefined
      const trim = (log: Log) => {
        log.low = Math.ceil((log.low + log.messages.length) / 2)
      }
      const look = () => {
        if (watched === undefined) {
          const vanished = numbers(line.open()).filter((number) => !line.isOnItsWay(number))
          const processed = offsetsOf('raw.pco/0', positionOf(line.raw))
          watched = {
            of: 'canonical',
            startedAt: line.clock,
            processed,
            ends: offsetsOf('log', line.canonical.messages.length),
            vanished,
          }
        }
        const log = watched.of === 'canonical' ? line.canonical : line.dead
        if (!hasPassed(watched.ends, offsetsOf('log', positionOf(log)))) return
        if (watched.of === 'canonical') {
          watched = { ...watched, of: 'dead-letters', ends: offsetsOf('log', line.dead.messages.length) }
          return
        }
        const lost = numbers(lostPages(watched, line.open(), rawOf))
        expect(lost.filter((number) => line.isOnItsWay(number))).toEqual([])
        expect(watched.vanished.filter((number) => !lost.includes(number))).toEqual([])
        watched = undefined
      }
      for (const step of steps) {
        if (step === 'look') look()
        else if (step === 'trim raw') trim(line.raw)
        else if (step === 'trim canonical') trim(line.canonical)
        else if (step === 'trim dead') trim(line.dead)
        else line[step]()
      }
    }),
    { numRuns: 2_000 },
  )
})

describe('what mends them', () => {
  const kinds = (lost: readonly OpenPage[], there: readonly number[]) =>
    planHealing(lost, ({ page: number }) => there.includes(number)).map((healing) =>
      healing.kind === 'rewind' ? `rewind ${numbers(healing.pages)}` : `${healing.kind} ${healing.page.page}`,
    )

  test('bytes that are still there are produced again', () => {
    expect(kinds([page(4), page(2)], [2, 4])).toEqual(['produce 2', 'produce 4'])
  })

  test('the range goes back to the first page whose bytes are gone, which mends all that follow', () => {
    expect(kinds([page(2), page(5), page(7), page(9)], [2, 7])).toEqual(['produce 2', 'rewind 5,7,9'])
  })

  test('ranges are mended each by itself', () => {
    expect(kinds([page(1), page(2, { rangeId: 1 })], [2])).toEqual(['rewind 1', 'produce 2'])
  })

  test(`a page that was healed ${MAX_HEALS} times fails the entities that miss records of it, and is named`, () => {
    const open = ['person', 'email'].map((entity) => ({ entity, state: 'landing' as const }))
    const worn = page(12, { heals: MAX_HEALS, open })
    const healings = planHealing([worn, page(13, { heals: MAX_HEALS, open }), page(3)], () => true)
    expect(healings.map((h) => (h.kind === 'fail' ? `${h.kind} ${h.entity.entity}` : h.kind))).toEqual([
      'fail person',
      'fail email',
    ])
    expect(exhaustedReason(worn, 0)).toContain('Page 12 of range 0 of person vanished')
  })

  test('one that nobody could work on did not vanish: its reason leads to the dead letters', () => {
    const reason = exhaustedReason(page(12, { heals: MAX_HEALS }), 4)
    expect(reason).toContain('Page 12 of range 0 of person left no record')
    expect(reason).toContain('--entity person --code unreadable')
    expect(reason).not.toContain('vanished')
  })

  test('no page is healed more than three times, however often it vanishes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 5 }), fc.boolean()), { maxLength: 100 }), (losses) => {
        const heals = new Map<number, number>()
        for (const [number, isThere] of losses) {
          const before = heals.get(number) ?? 0
          for (const healing of planHealing([page(number, { heals: before })], () => isThere))
            if (healing.kind !== 'fail') heals.set(number, before + 1)
        }
        expect(Math.max(0, ...heals.values())).toBeLessThanOrEqual(MAX_HEALS)
      }),
    )
  })
})
