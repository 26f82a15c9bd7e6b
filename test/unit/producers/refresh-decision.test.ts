import { describe, expect, it } from 'vitest'
import { ATTEMPT_GRACE_MS, decideRefresh } from '../../../producers/refresh-decision.ts'

const row = { state: 'connected', generation: 3, freshMs: 60_000, attempt: null } as const
const unanswered = { outcome: 'unanswered', agoMs: 5 } as const
const sent = (agoMs: number) => ({ outcome: 'sent', agoMs }) as const

describe('a token pair under its lock', () => {
  it('is used when somebody has refreshed it while the lock was waited for', () => {
    expect(decideRefresh(row, null).kind).toBe('use')
    expect(decideRefresh(row, 2).kind).toBe('use')
  })

  it('is refreshed when it is due, or when it is the one that was refused', () => {
    expect(decideRefresh({ ...row, freshMs: -1 }, null).kind).toBe('refresh')
    expect(decideRefresh(row, 3).kind).toBe('refresh')
  })

  it('is tried once more after an attempt that had no answer', () => {
    expect(decideRefresh({ ...row, attempt: unanswered }, 3).kind).toBe('refresh')
  })

  it('is left alone while whoever sent an attempt may yet write down its answer', () => {
    expect(decideRefresh({ ...row, attempt: sent(4_000) }, 3)).toEqual({ kind: 'wait', ms: ATTEMPT_GRACE_MS - 4_000 })
    expect(decideRefresh({ ...row, attempt: sent(ATTEMPT_GRACE_MS) }, 3).kind).toBe('refresh')
  })

  it('is never refreshed once the vendor has refused it', () => {
    expect(decideRefresh({ ...row, state: 'reauthorise' }, null).kind).toBe('reauthorise')
    expect(decideRefresh({ ...row, state: 'reauthorise', attempt: unanswered }, 3).kind).toBe('reauthorise')
  })
})
