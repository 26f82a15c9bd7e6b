// What the log is told of a consumer that has lost Kafka: crashes of its client and its joins go in, one line when it begins and one
// when it is over come out. A coordinator that has just started first loads its groups: only if that takes long is it told.
import type { Logger } from '../logger.ts'

export interface OutageLog {
  crashed(error: Error): void
  joined(): void
}

const LOADING_MS = 10_000

const isLoading = (error: unknown): boolean =>
  error instanceof Error && (('type' in error && error.type === 'GROUP_LOAD_IN_PROGRESS') || isLoading(error.cause))

export const createOutageLog = (log: Logger, group: string, now: () => number = () => performance.now()): OutageLog => {
  let since: number | undefined
  let isTold = false
  return {
    crashed: (error) => {
      if (isTold) return
      since ??= now()
      isTold = !isLoading(error) || now() - since >= LOADING_MS
      log[isTold ? 'warn' : 'debug']({ group, reason: error.message }, 'kafka is away, waiting for it')
    },
    joined: () => {
      if (isTold) log.info({ group }, 'kafka is back, going on')
      since = undefined
      isTold = false
    },
  }
}
