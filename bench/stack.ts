// The services that a benchmark runs on, and what they have used of the machine.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findStack, type StackAddresses, startStack } from '../local/stack.ts'
import { readRecord } from '../local/state.ts'
import { familyCpuSeconds } from './process-figures.ts'

export interface BenchStack {
  readonly addresses: StackAddresses
  /** CPU seconds since its start, by service. */
  used(): Readonly<Record<string, number>>
}

const usedIn = (home: string): Readonly<Record<string, number>> =>
  Object.fromEntries((readRecord(home)?.processes ?? []).map(({ name, pid }) => [name, familyCpuSeconds(pid)]))

/** A stack that a developer keeps running (SYNCLINE_TEST_STACK names its home), or one for this work alone. */
export const withStack = async (work: (stack: BenchStack) => Promise<void>): Promise<void> => {
  const kept = process.env['SYNCLINE_TEST_STACK']
  const found = kept ? await findStack(kept) : undefined
  if (kept && found !== undefined) return work({ addresses: found.addresses, used: () => usedIn(kept) })
  const home = mkdtempSync(join(tmpdir(), 'syncline-bench-'))
  const stack = await startStack({ home, detach: false })
  await work({ addresses: stack.addresses, used: () => usedIn(home) }).finally(() => stack.stop())
  rmSync(home, { recursive: true, force: true })
}
