// What a replay ends with: its exit code, and what to do next in words. Pure.
import { MENDING_OUTCOMES } from '../sinks/postgres/difference.ts'
import type { Replay } from './replay.ts'
import type { Settled } from './replay-wait.ts'
import { EXIT } from './terminal.ts'
import { count } from './words.ts'

export const exitCodeAfter = (settled: Settled | null): number => {
  if (settled === null) return EXIT.ok
  const { left, became } = settled
  if (left > 0) return EXIT.failed
  return became.parked + became.refused > 0 ? EXIT.exceptions : EXIT.ok
}

export const nextSteps = (result: Replay): readonly string[] => {
  const { comparison, revision, applied, settled } = result
  const mending = comparison.counts.changed + comparison.counts['only-topic']
  if (revision === null) return ['Nothing is to be produced again.']
  const again = commandOf(result)
  if (applied === null) return [`Produce ${count(mending, 'record')} again, under revision ${revision}, with: ${again} --apply`]
  const produced = `${count(applied, 'record')} produced under revision ${revision}`
  if (settled === null) return [`${produced}; the sink merges what it gets. Look again with: ${again}`]
  return [`${produced}: ${outcomesOf(settled)}.`, ...stepsAfter(result, settled, again)]
}

const commandOf = ({ from, orgId, entity, sinceMs }: Replay): string =>
  `syncline replay --from ${from} --org ${orgId} --entity ${entity}${sinceMs === undefined ? '' : ` --since ${new Date(sinceMs).toISOString()}`}`

/** `2 merged, 1 parked`. */
const outcomesOf = ({ left, became }: Settled): string => {
  const words = { merged: 'merged', newer: 'met a newer row', parked: 'parked', refused: left > 0 ? 'not merged yet' : 'refused' }
  const told = MENDING_OUTCOMES.filter((outcome) => outcome === 'merged' || became[outcome] > 0)
  return told.map((outcome) => `${became[outcome].toLocaleString('en-US')} ${words[outcome]}`).join(', ')
}

const stepsAfter = ({ orgId, entity }: Replay, { left, became }: Settled, again: string): readonly string[] => {
  if (left > 0) {
    return [
      `The sink has ${count(left, 'message')} of that topic still to merge, and does not go on. See that one runs: syncline worker sink`,
      `Then look again with: ${again}`,
    ]
  }
  return [
    ...(became.refused === 0 ? [] : [`What was refused is a dead letter: syncline dlq list --org ${orgId} --entity ${entity}`]),
    ...(became.parked === 0 ? [] : [`What is parked waits for its parent; replay that first, then: ${again}`]),
  ]
}
