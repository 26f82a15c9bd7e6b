// Starts a supervisor as a process of its own and follows it until the stack is up.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { builtProgram } from '../platform/built-program.ts'
import { SynclineError } from '../platform/errors.ts'
import type { StackAddresses } from './addresses.ts'
import type { Attempt } from './attempt.ts'
import { pathsIn } from './home.ts'
import { type Message, MessageSchema, type Plan } from './protocol.ts'

export interface Launched {
  readonly addresses: StackAddresses
  /** Resolves when the stack has come down: with why, if nobody asked for it. Never, for a detached one. */
  readonly ended: Promise<SynclineError | undefined>
}

/**
 * Resolves when the stack is up, or with undefined if another supervisor has taken the home.
 * Errors: `unavailable`, with why it did not come up; the reason of the signal. Nothing is left running then.
 */
export const launchSupervisor = async (plan: Plan, { onProgress, signal }: Attempt): Promise<Launched | undefined> => {
  signal.throwIfAborted()
  const child = forkSupervisor(plan)
  const ended = endOf(child, plan.home)
  const interrupt = () => child.kill('SIGTERM')
  signal.addEventListener('abort', interrupt)
  child.send(plan)
  const outcome = await Promise.race([answerOf(child, onProgress), ended])
  signal.removeEventListener('abort', interrupt)
  if (signal.aborted) await ended
  signal.throwIfAborted()
  if (outcome === undefined) throw stoppedError(plan.home)
  if (outcome instanceof SynclineError) throw outcome
  if (outcome.type === 'taken') return undefined
  if (plan.detach) letGo(child)
  return { addresses: outcome.addresses, ended }
}

type Answer = Extract<Message, { type: 'ready' | 'taken' }>

const answerOf = (child: ChildProcess, onProgress: Attempt['onProgress']): Promise<Answer> =>
  new Promise((resolve) => {
    child.on('message', (raw) => {
      const message = MessageSchema.parse(raw)
      if (message.type === 'progress') onProgress(message.message)
      else if (message.type !== 'failed') resolve(message)
    })
  })

/** Resolves when it has gone and all that it said is read: with why, unless it was told to. */
const endOf = async (child: ChildProcess, home: string): Promise<SynclineError | undefined> => {
  let failure: SynclineError | undefined
  child.on('message', (raw) => {
    const message = MessageSchema.parse(raw)
    if (message.type === 'failed') failure = failureOf(message)
  })
  const [[code, signal]] = await Promise.all([once(child, 'exit'), once(child, 'disconnect')])
  return code === 0 ? undefined : (failure ?? goneError(home, String(code ?? signal)))
}

const forkSupervisor = (plan: Plan): ChildProcess => {
  const log = openSync(pathsIn(plan.home).logFile('supervisor'), 'a', 0o600)
  try {
    // Detached even when it ends with us: Ctrl-C on the terminal is for us, and the supervisor then ends things in order.
    return fork(supervisorProgram(), [plan.home], { detached: true, execArgv: [], stdio: ['ignore', log, log, 'ipc'] })
  } finally {
    closeSync(log)
  }
}

/** Built, because it outlives us: it must not need what we may run under (a test runner, say). */
const supervisorProgram = (): string => fileURLToPath(builtProgram('local/supervisor', import.meta.url))

const letGo = (child: ChildProcess): void => {
  child.removeAllListeners()
  if (child.connected) child.disconnect()
  child.unref()
}

const failureOf = (message: Extract<Message, { type: 'failed' }>): SynclineError =>
  new SynclineError('unavailable', message.message, message.remedy === undefined ? {} : { remedy: message.remedy })

const stoppedError = (home: string): SynclineError =>
  new SynclineError('unavailable', `The stack in ${home} was ended while it was coming up`, { remedy: 'Run `syncline up` again' })

const goneError = (home: string, how: string): SynclineError =>
  new SynclineError('unavailable', `The supervisor of the stack in ${home} has gone (${how})`, {
    remedy: `Look at ${pathsIn(home).logFile('supervisor')}, then run \`syncline up\` again`,
  })
