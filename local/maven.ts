// Fetches artefacts with the user's own Maven: its settings, mirrors and local repository apply.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { SynclineError } from '../platform/errors.ts'
import type { Attempt } from './attempt.ts'
import { WAYS_OUT } from './java.ts'
import { hasCode } from './processes.ts'

// Pinned, and to an old version on purpose: newer ones also want the parent POMs of an artefact that is only copied, which not
// every repository has.
const PLUGIN = 'org.apache.maven.plugins:maven-dependency-plugin:2.8'

export interface MavenCall {
  readonly goal: 'copy' | 'copy-dependencies' | 'unpack'
  /** System properties. */
  readonly options: Readonly<Record<string, string>>
  readonly pom?: string
  /** Working folder; the plugin leaves traces of its own in it. */
  readonly dir: string
  readonly attempt: Attempt
}

const STILL_HERE_EVERY_MS = 5000
const LAST_LINES = 6

/** Runs one goal of the dependency plugin. Errors: `unavailable` when there is no Maven, or with what Maven said. */
export const runMaven = async (call: MavenCall): Promise<void> => {
  const lines: string[] = []
  const startedMs = performance.now()
  const seconds = () => Math.round((performance.now() - startedMs) / 1000)
  const alarm = setInterval(() => call.attempt.onProgress(`still downloading (${seconds()} s)`), STILL_HERE_EVERY_MS)
  try {
    const code = await run(call, (line) => {
      if (line.startsWith('[ERROR]')) lines.push(line)
      const file = downloadedFile(line)
      if (file !== undefined) call.attempt.onProgress(file)
    })
    if (code !== 0) throw failed(lines)
  } finally {
    clearInterval(alarm)
  }
}

const run = (call: MavenCall, onLine: (line: string) => void): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const child = spawn('mvn', mavenArgs(call), {
      cwd: call.dir,
      stdio: ['ignore', 'pipe', 'ignore'],
      signal: call.attempt.signal,
    })
    createInterface({ input: child.stdout }).on('line', onLine)
    child.once('close', resolve)
    child.once('error', (cause) => reject(hasCode(cause, 'ENOENT') ? noMaven(cause) : cause))
  })

const mavenArgs = (call: MavenCall): string[] => [
  ...['--batch-mode', '-Dstyle.color=never'],
  ...(call.pom === undefined ? [] : ['--file', call.pom]),
  ...Object.entries(call.options).map(([name, value]) => `-D${name}=${value}`),
  `${PLUGIN}:${call.goal}`,
]

/** `Downloaded from central: https://…/kafka-clients-4.1.0.jar (9.9 MB at 20 MB/s)` → `kafka-clients-4.1.0.jar (9.9 MB at 20 MB/s)`. */
export const downloadedFile = (line: string): string | undefined => {
  const found = /Downloaded from \S+: \S+\/(\S+\.(?:jar|gz)) (\(.*\))/.exec(line)
  return found === null ? undefined : `${found[1]} ${found[2]}`
}

const noMaven = (cause: unknown): SynclineError =>
  new SynclineError('unavailable', 'Kafka and the schema registry are downloaded with Maven, and `mvn` is not on PATH', {
    remedy: WAYS_OUT,
    details: { missing: 'maven' },
    cause,
  })

const failed = (errors: readonly string[]): SynclineError =>
  new SynclineError(
    'unavailable',
    `Maven could not download: ${errors.slice(0, LAST_LINES).join('\n  ') || 'it gave no reason'}`,
    {
      remedy: 'Check the network and the repositories in the Maven settings, then try again',
    },
  )
