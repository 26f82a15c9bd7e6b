// The services that a benchmark runs on, and what they have used of the machine.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathsIn } from '../local/home.ts'
import { findStack, type StackAddresses, startStack } from '../local/stack.ts'
import { readRecord } from '../local/state.ts'
import { familyCpuSeconds } from './process-figures.ts'

export interface BenchStack {
  readonly addresses: StackAddresses
  /** CPU seconds since its start, by service. */
  used(): Readonly<Record<string, number>>
  /** What lies on Kafka's disk, by topic of an installation. */
  topicBytes(prefix: string): Readonly<Record<string, number>>
}

const usedIn = (home: string): Readonly<Record<string, number>> =>
  Object.fromEntries((readRecord(home)?.processes ?? []).map(({ name, pid }) => [name, familyCpuSeconds(pid)]))

const topicBytesIn = (home: string, prefix: string): Readonly<Record<string, number>> => {
  const folder = pathsIn(home).dataDir('kafka')
  const bytes: Record<string, number> = {}
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const [, topic] = /([^/]+)-\d+\/\d+\.log$/.exec(path) ?? []
    if (!topic?.startsWith(prefix)) continue
    const name = topic.slice(prefix.length)
    bytes[name] = (bytes[name] ?? 0) + statSync(join(folder, path)).size
  }
  return bytes
}

const inHome = (home: string, addresses: StackAddresses): BenchStack => ({
  addresses,
  used: () => usedIn(home),
  topicBytes: (prefix) => topicBytesIn(home, prefix),
})

/** A stack that a developer keeps running (SYNCLINE_TEST_STACK names its home), or one for this work alone. */
export const withStack = async (work: (stack: BenchStack) => Promise<void>): Promise<void> => {
  const kept = process.env['SYNCLINE_TEST_STACK']
  const found = kept ? await findStack(kept) : undefined
  if (kept && found !== undefined) return work(inHome(kept, found.addresses))
  const home = mkdtempSync(join(tmpdir(), 'syncline-bench-'))
  const stack = await startStack({ home, detach: false })
  await work(inHome(home, stack.addresses)).finally(() => stack.stop())
  rmSync(home, { recursive: true, force: true })
}
