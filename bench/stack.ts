// The services that a measurement runs on.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findStack, type StackAddresses, startStack } from '../local/stack.ts'

/** A stack that a developer keeps running (SYNCLINE_TEST_STACK names its home), or one for this run alone. */
export const withStack = async (work: (addresses: StackAddresses) => Promise<void>): Promise<void> => {
  const home = process.env['SYNCLINE_TEST_STACK']
  const found = home ? await findStack(home) : undefined
  if (found !== undefined) return work(found.addresses)
  const own = mkdtempSync(join(tmpdir(), 'syncline-bench-'))
  const stack = await startStack({ home: own, detach: false })
  await work(stack.addresses).finally(() => stack.stop())
  rmSync(own, { recursive: true, force: true })
}
