// That "all workers go by it" is a bound: what a worker may still do by the rules of before, added up.
import { expect, test } from 'vitest'
import { TIMEOUT_MS } from '../../../adapters/core/oauth.ts'
import { IN_FORCE_AFTER_S } from '../../../ledger/field-rules.ts'
import { LIFE_MS } from '../../../producers/connections.ts'
import { REQUEST_TIMEOUT_MS } from '../../../producers/request-timeout.ts'
import { SLICE_MS } from '../../../producers/slice.ts'

test('field rules are in force when the last page of before has been asked for', () => {
  // Tokens are asked for up to three times with one page's first request, and again when that is refused.
  const lastPageMs = 2 * (3 * TIMEOUT_MS + REQUEST_TIMEOUT_MS)
  expect(IN_FORCE_AFTER_S * 1_000).toBeGreaterThan(LIFE_MS + SLICE_MS + lastPageMs)
})
