// One set of real services for a whole test run: those that the environment names, else a stack that a developer keeps running
// (SYNCLINE_TEST_STACK names its home), else an embedded one in a folder of its own, else, without Java, containers.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { findStack, type StackAddresses, startStack } from '../../local/stack.ts'
import { isSynclineError } from '../../platform/errors.ts'
import { startContainers } from './containers.ts'

interface Running {
  readonly addresses: StackAddresses
  end(): Promise<void>
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  const running = (await shared()) ?? (await embedded())
  project.provide('stack', running.addresses)
  return running.end
}

const shared = async (): Promise<Running | undefined> => {
  const home = process.env['SYNCLINE_TEST_STACK']
  if (!home) return undefined
  const found = await findStack(home)
  if (found === undefined) throw new Error(`No stack is running in ${home}, which SYNCLINE_TEST_STACK names`)
  return { addresses: found.addresses, end: async () => undefined }
}

const embedded = async (): Promise<Running> => {
  const home = mkdtempSync(join(tmpdir(), 'syncline-test-'))
  try {
    const stack = await startStack({ home, detach: false, onProgress: (line) => process.stderr.write(`stack: ${line}\n`) })
    return { addresses: stack.addresses, end: () => stack.stop().finally(() => remove(home)) }
  } catch (error) {
    remove(home)
    // Only where Java or Maven is missing; any other failure is one to look at.
    if (isSynclineError(error, 'unavailable') && 'missing' in error.details) return startContainers(error)
    throw error
  }
}

const remove = (home: string): void => rmSync(home, { recursive: true, force: true })
