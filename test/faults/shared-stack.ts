// The services that cases share.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findStack, type Stack, startStack } from '../../local/stack.ts'

interface SharedStack extends Pick<Stack, 'addresses' | 'stop'> {
  readonly home: string
}

/** A stack that a developer keeps running (SYNCLINE_TEST_STACK names its home), or one for this run alone. */
export const sharedStack = async (): Promise<SharedStack> => {
  const home = process.env['SYNCLINE_TEST_STACK']
  if (home) {
    const found = await findStack(home)
    if (found === undefined) throw new Error(`No stack is running in ${home}, which SYNCLINE_TEST_STACK names`)
    return { home, addresses: found.addresses, stop: async () => undefined }
  }
  const own = mkdtempSync(join(tmpdir(), 'syncline-faults-'))
  const stack = await startStack({ home: own, detach: false })
  return {
    home: own,
    addresses: stack.addresses,
    stop: () => stack.stop().finally(() => rmSync(own, { recursive: true, force: true })),
  }
}
