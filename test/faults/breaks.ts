// Deliberate breaks of the code, one for each invariant: what is changed, and the check of which case must then be red.
import type { CheckName } from './checks.ts'

export interface Break {
  /** As numbered in docs/architecture.md. */
  readonly invariant: number
  /** What a developer might have thought. */
  readonly mistake: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** One after the other, in the same installation where they share it. */
  readonly cases: readonly string[]
  readonly red: CheckName
}

export const BREAKS: readonly Break[] = [
  {
    invariant: 1,
    mistake: 'an entity closes when its pages were fetched, landed or not',
    file: 'orchestrator/decide.ts',
    from: 'if (entity.openLandings > 0 || !mayClose(entity, all)) return undefined',
    to: 'if (!mayClose(entity, all)) return undefined',
    cases: ['F1/sink.after-copy/crash'],
    red: 'M1',
  },
  {
    invariant: 2,
    mistake: 'a receipt counts, whoever holds the range by now',
    file: 'ledger/receipts.ts',
    from: 'and r.epoch = i.epoch and r.holder = $1 and r.next_page = i.page',
    to: 'and r.epoch >= i.epoch and $1::text is not null',
    cases: ['F3/fetch.after-response'],
    red: 'M2',
  },
  {
    invariant: 3,
    mistake: 'a record that died has been dealt with, so it counts as merged',
    file: 'sinks/landings.ts',
    from: 'codes[index] = CODES[outcome]',
    to: "codes[index] = CODES[outcome === 'dead' ? 'merged' : outcome]",
    cases: ['F11/poison'],
    red: 'M2',
  },
  {
    invariant: 4,
    mistake: 'who takes over a range begins at its beginning',
    file: 'producers/slice.ts',
    from: 'cursor: range.cursor ?? walk.start',
    to: 'cursor: walk.start',
    cases: ['F2/fetch'],
    red: 'M2',
  },
  {
    invariant: 6,
    mistake: 'the parent will come, so its child can be written',
    file: 'sinks/postgres/statements.ts',
    from: ".join(' or ') || 'false'",
    to: ".join(' or ') && 'false'",
    cases: ['F1/process.after-send/crash'],
    red: 'M3',
  },
  {
    invariant: 7,
    mistake: 'a few requests more do no harm',
    file: 'producers/limiter/limiter.lua',
    from: "'+inf') - window.limit",
    to: "'+inf') - window.limit - 5",
    cases: ['F2/sink'],
    red: 'M5',
  },
  {
    invariant: 8,
    mistake: 'a walk that came to an end has seen everything',
    file: 'orchestrator/proof.ts',
    from: 'return isComplete ? PROVEN : judgeSweeps(sweeps, field)',
    to: 'return isComplete || seen > 0 ? PROVEN : judgeSweeps(sweeps, field)',
    cases: ['F9/each-once'],
    red: 'M1',
  },
  {
    invariant: 9,
    mistake: 'the log says with what a request was sent',
    file: 'adapters/core/auth.ts',
    from: 'return { headers: async () => headers',
    to: 'process.stderr.write(authorization)\n  return { headers: async () => headers',
    cases: ['F1/fetch.after-receipt/lost-response'],
    red: 'M6',
  },
  {
    invariant: 10,
    mistake: 'one mapper for each API',
    file: 'processors/transform.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    from: 'const key = `${orgId}/${source}`',
    to: 'const key = source',
    cases: ['F1/sink.after-merge/crash', 'F1/sink.after-commit/crash'],
    red: 'M1',
  },
]
