// The embedded stack as the rest of the program sees it: Kafka, a schema registry, PostgreSQL and Redis as local processes under one
// supervisor per home. Start it, find it, stop it; each may be called at any time, by several processes, after any crash.
import { setTimeout as delay } from 'node:timers/promises'
import type { SynclineError } from '../platform/errors.ts'
import { addressesFromEnvironment, completeAddresses, type GivenAddresses, type StackAddresses, withGiven } from './addresses.ts'
import type { Attempt } from './attempt.ts'
import { cacheRoot } from './cache.ts'
import { findContainers, stopContainers } from './containers.ts'
import { ensureKafka, ensureRedis, ensureRegistry } from './downloads.ts'
import { ensureEncryptionKey, stackHome } from './home.ts'
import { findJava } from './java.ts'
import { launchSupervisor } from './launcher.ts'
import { endProcess, isAlive } from './processes.ts'
import type { Plan } from './protocol.ts'
import { isUp, readRecord, removeRecord, type StackRecord, type StackState } from './state.ts'

export type { StackAddresses } from './addresses.ts'

export interface StartOptions {
  /** Folder of data and state; the default is that of `stackHome`. */
  readonly home?: string
  /** True: the stack stays when this process ends. False: it ends with this process, however that ends. */
  readonly detach: boolean
  /** Told what is going on, one line a call, for people. */
  readonly onProgress?: (message: string) => void
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Aborted before the stack is up, the call rejects with the reason of the signal, and what it has started is ended. */
  readonly signal?: AbortSignal
}

export interface Stack {
  readonly addresses: StackAddresses
  /** `given`: all addresses are in the environment. `found`: it was up already. `started`: by this call. */
  readonly origin: 'given' | 'found' | 'started'
  /** Resolves when a stack that this call started, not detached, has come down: with why, if nobody asked for it. */
  readonly ended: Promise<SynclineError | undefined>
  /** Ends what this call started; nothing otherwise. */
  stop(): Promise<void>
}

const NEVER = new Promise<never>(() => undefined)
const POLL_MS = 50
/** Supervisors end four services one after the other, each within its own bound. */
const STOP_BOUND_MS = 60_000
const ORPHAN_BOUND_MS = 10_000

/** Brings the stack up, or finds it up. Errors: `unavailable` (no Java or Maven, a download, a service that does not start). */
export const startStack = async (options: StartOptions): Promise<Stack> => {
  const { environment = process.env, onProgress = () => undefined, detach, signal = new AbortController().signal } = options
  const home = options.home ?? stackHome(environment)
  const given = addressesFromEnvironment(environment)
  const complete = completeAddresses(given)
  if (complete !== undefined) return standing('given', complete)
  for (;;) {
    const found = await waitForOther(home, signal)
    if (found !== undefined) return standing('found', withGiven(found.addresses, given))
    const programs = await programsFor(given, environment, { onProgress, signal })
    ensureEncryptionKey(home)
    const launched = await launchSupervisor({ home, detach, given, ...programs }, { onProgress, signal })
    if (launched !== undefined) return { ...launched, origin: 'started', stop: async () => void (await stopStack(home)) }
  }
}

const standing = (origin: 'given' | 'found', addresses: StackAddresses): Stack => ({
  origin,
  addresses,
  ended: NEVER,
  stop: async () => undefined,
})

/** Where the stack of this home is, if it is up. What a crash has left behind, state file or processes, is removed first. */
export const findStack = async (home: string = stackHome()): Promise<Pick<Stack, 'addresses'> | undefined> => {
  const record = await livingRecord(home)
  if (record !== undefined && isUp(record)) return record
  const addresses = findContainers(home)
  return addresses && { addresses }
}

/** Ends the stack in this home; resolves, when none of its processes or containers is left, with whether there was one. */
export const stopStack = async (home: string = stackHome()): Promise<boolean> => {
  const record = await livingRecord(home)
  if (record === undefined) return stopContainers(home)
  await endProcess(record.supervisor, STOP_BOUND_MS)
  await livingRecord(home)
  return true
}

/** As `findStack`, but a stack that is just coming up is waited for. */
const waitForOther = async (home: string, signal: AbortSignal): Promise<StackState | undefined> => {
  for (;;) {
    signal.throwIfAborted()
    const record = await livingRecord(home)
    if (record === undefined || isUp(record)) return record
    await delay(POLL_MS)
  }
}

/** The record in this home if its supervisor lives; a stale one is cleared away. */
const livingRecord = async (home: string): Promise<StackRecord | undefined> => {
  const record = readRecord(home)
  if (record === undefined || isAlive(record.supervisor)) return record
  // Their guards are ending them already, unless these were killed as well.
  for (const orphan of record.processes.toReversed()) await endProcess(orphan, ORPHAN_BOUND_MS)
  removeRecord(home, record.supervisor)
  return undefined
}

/** The programs of the services to start; those that are not on this machine are downloaded. */
const programsFor = async (
  given: GivenAddresses,
  environment: Readonly<Record<string, string | undefined>>,
  attempt: Attempt,
): Promise<Pick<Plan, 'java' | 'kafkaLibs' | 'registryJar' | 'redisServer'>> => {
  const root = cacheRoot(environment)
  const needsJava = given.kafka === undefined || given.schemaRegistry === undefined
  return {
    ...(needsJava && { java: await findJava(environment) }),
    ...(given.kafka === undefined && { kafkaLibs: await ensureKafka(root, attempt) }),
    ...(given.schemaRegistry === undefined && { registryJar: await ensureRegistry(root, attempt) }),
    ...(given.redis === undefined && { redisServer: await ensureRedis(root, attempt) }),
  }
}
