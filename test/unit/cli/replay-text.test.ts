import { describe, expect, test } from 'vitest'
import type { Replay } from '../../../cli/replay.ts'
import { nextSteps } from '../../../cli/replay-steps.ts'
import { reachedOf, replayLines, replayText } from '../../../cli/replay-text.ts'
import type { Reach } from '../../../platform/kafka/scan.ts'

const reach = (partition: number, oldestOffset: bigint, oldestAt: number | null): Reach => ({
  partition,
  oldestOffset,
  oldestAt,
  from: oldestOffset,
  to: 100n,
})

const readings = (...of: readonly Reach[]) => [{ topic: 'raw.pco', reach: of, messages: 3, refused: 1 }]

const replay = (parts: Partial<Replay> = {}): Replay => ({
  orgId: 'acme',
  entity: 'person',
  from: 'raw',
  sinceMs: undefined,
  readings: readings(reach(0, 0n, 5_000)),
  comparison: {
    records: 10,
    same: 8,
    counts: { changed: 1, 'only-topic': 1, 'only-table': 2, newer: 0, deleted: 0, parked: 0 },
    columns: { first_name: 1 },
    revision: 2,
  },
  examples: [{ kind: 'changed', id: 'an-id', source: 'pco', externalId: '7', columns: ['first_name'] }],
  revision: 2,
  applied: null,
  settled: null,
  ...parts,
})

describe('how far back the topics reach', () => {
  test('to their first message when nothing has left them', () => {
    expect(reachedOf(readings(reach(0, 0n, 5_000), reach(1, 0n, 9_000)))).toEqual({ complete: true, at: 5_000 })
  })

  test('to the latest beginning among the partitions that lost theirs', () => {
    const all = readings(reach(0, 7n, 5_000), reach(1, 3n, 6_000), reach(2, 0n, 9_000))
    expect(reachedOf(all)).toEqual({ complete: false, at: 6_000 })
  })

  test('nowhere when all has left them', () => {
    expect(reachedOf(readings(reach(0, 100n, null)))).toEqual({ complete: false, at: null })
  })
})

describe('what is told', () => {
  test('the totals come last, after the reach of each partition and the examples', () => {
    const lines = replayLines(replay())
    expect(lines.map(({ type }) => type)).toEqual(['replay-reach', 'replay-difference', 'replay'])
    expect(lines.at(-1)).toMatchObject({
      same: 8,
      changed: 1,
      onlyTopic: 1,
      onlyTable: 2,
      refused: 1,
      revision: 2,
      applied: null,
    })
  })

  test('values only where the examples have them, and only of the columns that differ', () => {
    expect(replayLines(replay())[1]).toHaveProperty('values', undefined)
    const [plain] = replay().examples
    const here = { first_name: 'Ann', last_name: 'Lee' }
    const withValues = replay({
      examples: [
        {
          kind: 'changed',
          id: 'an-id',
          source: 'pco',
          externalId: '7',
          columns: plain?.columns ?? [],
          here,
          there: { first_name: 'Anne' },
        },
      ],
    })
    expect(replayLines(withValues)[1]).toMatchObject({ values: { first_name: { table: 'Ann', topic: 'Anne' } } })
    expect(replayText(withValues)).toContain('Anne')
    expect(replayText(withValues)).not.toContain('Lee')
  })

  test('what stays is said to stay', () => {
    expect(replayText(replay())).toMatch(/only in the table +2 +stays/)
  })
})

describe('the next step', () => {
  const settled = (left: number, merged: number, refused = 0, parked = 0) => ({
    left,
    became: { merged, newer: 0, parked, refused },
  })
  const stepsOf = (parts: Partial<Replay>) => nextSteps(replay(parts)).join('\n')

  test.each<[string, Partial<Replay>, RegExp]>([
    [
      'of a dry run',
      { sinceMs: 0 },
      /^Produce 2 records .*: syncline replay --from raw .* --since 1970-01-01T00:00:00.000Z --apply$/,
    ],
    ['where nothing differs', { revision: null, applied: 0 }, /^Nothing/],
    ['when nobody waited', { applied: 2 }, /the sink merges what it gets/],
    ['when all is merged', { applied: 2, settled: settled(0, 2) }, /^2 records produced under revision 2: 2 merged\.$/],
    [
      'when no sink goes on',
      { applied: 2, settled: settled(2, 0, 2) },
      /0 merged, 2 not merged yet\.\n.* 2 messages .*syncline worker sink/,
    ],
    [
      'when some were refused',
      { applied: 2, settled: settled(0, 1, 1) },
      /1 merged, 1 refused\.\n.*dlq list --org acme --entity person/,
    ],
    ['when some are parked', { applied: 2, settled: settled(0, 1, 0, 1) }, /1 merged, 1 parked\.\n.*parent/],
  ])('%s', (_, parts, words) => {
    expect(stepsOf(parts)).toMatch(words)
  })
})
