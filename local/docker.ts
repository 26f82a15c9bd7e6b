// Runs `docker` and tells what it said. Its words for people are passed on line by line; nothing of ours is interpreted by a shell.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { hasCode } from './processes.ts'

export interface DockerCall {
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborted, the call ends, and rejects with the reason of the signal. */
  readonly signal?: AbortSignal
  readonly onLine?: (line: string) => void
}

/** The exit code; undefined where there is no `docker`. */
export const runDocker = async ({ args, environment, signal, onLine }: DockerCall): Promise<number | undefined> => {
  signal?.throwIfAborted()
  // A process group of its own: Ctrl-C on the terminal is for us, and what was begun is then ended in order.
  const child = spawn('docker', args, { env: { ...environment }, stdio: ['ignore', 'ignore', 'pipe'], detached: true })
  const interrupt = () => child.kill('SIGTERM')
  signal?.addEventListener('abort', interrupt, { once: true })
  createInterface({ input: child.stderr }).on('line', (line) => onLine?.(line))
  const code = await new Promise<number | undefined>((resolve, reject) => {
    child.once('close', (exitCode) => resolve(exitCode ?? 1))
    child.once('error', (cause) => (hasCode(cause, 'ENOENT') ? resolve(undefined) : reject(cause)))
  })
  signal?.removeEventListener('abort', interrupt)
  signal?.throwIfAborted()
  return code
}

/** True when a daemon answers and `docker compose` is there. */
export const dockerAnswers = async (environment: DockerCall['environment']): Promise<boolean> => {
  for (const args of [['compose', 'version'], ['info']]) {
    if ((await runDocker({ args, environment })) !== 0) return false
  }
  return true
}
