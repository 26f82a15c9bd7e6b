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
  /** Any of these; `end`: the run does not. */
  readonly red: readonly (CheckName | 'end')[]
}

export const BREAKS: readonly Break[] = [
  {
    invariant: 1,
    mistake: 'an entity closes when its pages were fetched, landed or not',
    file: 'orchestrator/decide.ts',
    from: 'if (entity.openLandings > 0 || !mayClose(entity, all)) return undefined',
    to: 'if (!mayClose(entity, all)) return undefined',
    cases: ['F1/sink.after-copy/crash'],
    // Rows are missing; or all have come when it is judged, and the walk that closed before them is not proven.
    red: ['M1', 'M2'],
  },
  {
    invariant: 2,
    mistake: 'an outcome that comes again is one more',
    file: 'ledger/landings.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    from: '(excluded.${outcome} & ~(l.merged | l.unchanged | l.stale | l.parked | l.dead))',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    to: 'excluded.${outcome}',
    cases: ['F1/sink.after-commit/crash'],
    red: ['M2'],
  },
  {
    invariant: 3,
    mistake: 'a record that died has been dealt with, so it counts as merged',
    file: 'sinks/landings.ts',
    from: 'codes[index] = CODES[outcome]',
    to: "codes[index] = CODES[outcome === 'dead' ? 'merged' : outcome]",
    cases: ['F11/poison'],
    red: ['M2'],
  },
  {
    invariant: 4,
    mistake: 'it is enough to note at its end how far a walk has come',
    file: 'ledger/receipts.ts',
    from: 'set cursor = i.next',
    to: 'set cursor = case when i.ended then i.next else r.cursor end',
    cases: ['F2/fetch'],
    red: ['M2', 'end'],
  },
  {
    invariant: 5,
    mistake: 'the time that the source gives a record says which of two is newer',
    file: 'sinks/version.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    from: "'-infinity'), ${row}.observed_at, ${row}.mapping_revision,",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    to: "'-infinity'), ${row}.mapping_revision,",
    cases: ['F13/renamed'],
    // A row that is said to be newer and is not written stops the sink.
    red: ['end'],
  },
  {
    invariant: 5,
    mistake: 'what is told twice in one second is told in order',
    file: 'sinks/version.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    from: '${a}.content_hash <> ${b}.content_hash and',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    to: '${a}.content_hash = ${b}.content_hash and',
    cases: ['F12/disorder'],
    red: ['M1'],
  },
  {
    invariant: 6,
    mistake: 'a child without its parent is of no use',
    file: 'sinks/postgres/statements.ts',
    from: "then 'p'",
    to: "then 's'",
    cases: ['F1/process.after-send/crash'],
    red: ['M1'],
  },
  {
    invariant: 7,
    mistake: 'a few requests more do no harm',
    file: 'producers/limiter/limiter.lua',
    from: "'+inf') - limit",
    to: "'+inf') - limit - 20",
    cases: ['F6/killed'],
    red: ['M5'],
  },
  {
    invariant: 8,
    mistake: 'a walk that came to an end has seen everything',
    file: 'orchestrator/proof.ts',
    from: 'if (proves(last, proof)) return PROVEN',
    to: 'if (proves(last, proof) || last.distinct > 0) return PROVEN',
    cases: ['F13/renamed'],
    red: ['M1'],
  },
  {
    invariant: 8,
    mistake: 'what a proven walk did not show is gone, there is no need to ask',
    file: 'producers/page.ts',
    from: "if (asked?.shows === 'list' && !records",
    to: "if (asked?.shows === 'one') return goneRow(spec.entity, asked.externalId, step.next)\n  if (asked?.shows === 'list' && !records",
    cases: ['F17/reconcile'],
    red: ['M1'],
  },
  {
    invariant: 9,
    mistake: 'the log says with what a request was sent',
    file: 'adapters/core/auth.ts',
    from: 'return { headers: async () => headers',
    to: 'process.stderr.write(authorization)\n  return { headers: async () => headers',
    cases: ['F1/fetch.after-receipt/lost-response'],
    red: ['M6'],
  },
  {
    invariant: 10,
    mistake: 'one mapper for each API',
    file: 'processors/transform.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of the code
    from: 'const key = `${orgId}/${source}`',
    to: 'const key = source',
    cases: ['F1/sink.after-merge/crash', 'F1/sink.after-commit/crash'],
    red: ['M1'],
  },
]
