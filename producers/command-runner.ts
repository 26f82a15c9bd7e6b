// Runs one command: takes its range, runs the slice, emits the successor. Whatever goes wrong ends with the range released or
// failed, never with an exception: a range that stayed held by a living worker would not be woken.
import { failRange, releaseRange, type TakenRange, takeRange } from '../ledger/ranges.ts'
import { isSynclineError, messageOf, type SynclineError } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Outages } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import { backoffMs, persist } from '../platform/lifecycle.ts'
import { isDatabaseAway } from '../platform/postgres.ts'
import { commandMessages, type FetchCommand } from '../topics/commands.ts'
import type { Connections } from './connections.ts'
import { runSlice, type SliceDeps } from './slice.ts'

export interface CommandRunnerDeps extends SliceDeps {
  readonly connections: Connections
  /** Ranges that this process takes or holds, by command: what the ledger says beyond it is given up (releaseStrays). */
  readonly inHand: Set<FetchCommand>
  readonly outages?: Outages
}

/** An unexpected error at the same page so many times in a row fails the range: it will not get better by itself. */
const MAX_UNEXPECTED = 8

export const runCommand = async (deps: CommandRunnerDeps, command: FetchCommand): Promise<void> => {
  const { pool, log, signal, workerId, outages } = deps
  const untilThere = <T>(operation: () => Promise<T>) =>
    persist(operation, { what: 'PostgreSQL', log, signal, isAway: isDatabaseAway, outages })
  deps.inHand.add(command)
  try {
    const range = await untilThere(() => takeRange(pool, command, workerId))
    if (range === undefined) return
    await runTaken(deps, range, command).catch((error: unknown) => untilThere(() => settleFailure(deps, range, error)))
  } catch (error) {
    if (!signal.aborted) log.error({ run: command.runId, range: command.rangeId, reason: messageOf(error) }, 'command given up')
  } finally {
    deps.inHand.delete(command)
  }
}

const runTaken = async (deps: CommandRunnerDeps, range: TakenRange, command: FetchCommand): Promise<void> => {
  const vendor = await deps.connections.get(range.orgId, range.source, range.revision)
  if ((await runSlice(deps, vendor, range)) !== 'successor') return
  await failpoint('fetch.before-successor')
  await deps.producer.send([commandMessages(deps.topics, [{ ...command, epoch: range.epoch }])])
  await failpoint('fetch.after-successor')
}

/** The outcome of the last send or receipt may be unknown: the range is given up, and taking it again raises its epoch. */
const settleFailure = async ({ pool, log, workerId }: CommandRunnerDeps, range: TakenRange, error: unknown): Promise<void> => {
  const isAway = isDatabaseAway(error) || isKafkaAway(error)
  const facts = { run: range.runId, entity: range.spec.entity, range: range.rangeId, reason: messageOf(error) }
  if (isSynclineError(error, 'config')) return fail(error)
  if (isAway) log.debug(facts, 'slice broken off, a service is away')
  else log.error({ ...facts, stack: error instanceof Error ? error.stack : undefined }, 'slice broken off by an unexpected error')
  const failures = isAway ? range.failures : range.failures + 1
  if (failures >= MAX_UNEXPECTED) return fail({ code: 'internal', message: messageOf(error) })
  const wakeInMs = backoffMs(failures, { baseMs: 1_000 })
  await releaseRange(pool, range, workerId, { wakeInMs, waitingFor: 'retry', reason: messageOf(error), failures })

  async function fail({ code, message }: Pick<SynclineError, 'code' | 'message'>): Promise<void> {
    log.error(facts, 'range failed')
    await failRange(pool, range, workerId, { code, reason: message, calls: 0 })
  }
}
