// A function that runs in a thread of its own: requests go in, answers come out, in order. Both ends of the channel.
// Must hold: whatever ends the thread rejects what was asked of it, and what is asked after that; nothing waits for ever.
import { isMainThread, parentPort, type TransferListItem, Worker, workerData } from 'node:worker_threads'
import { SynclineError } from './errors.ts'
import { deferred } from './lifecycle.ts'

/** A value for the other side, and the memory in it that is handed over instead of copied. */
export interface Handed<T> {
  readonly value: T
  readonly transfer: readonly TransferListItem[]
}

export interface Thread<Request, Answer> {
  /** Rejects when the thread has ended, or ends meanwhile. */
  ask(request: Handed<Request>): Promise<Answer>
  stop(): Promise<void>
}

/** Memory of its own, and so free to be handed over; what lies in a slab with others is copied. */
export const ownMemory = (all: Iterable<Uint8Array>): readonly ArrayBuffer[] => {
  const own = new Set<ArrayBuffer>()
  for (const { buffer, byteLength } of all) if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) own.add(buffer)
  return [...own]
}

/** Of memory for what is new: a thread that works off one request after the other keeps little of it, and Node gives it 48 MB. */
const YOUNG_MB = 24

/** Starts `program`, which calls `serveThread`, with `setUp` as its settings. `heapMb`: default as Node has it. */
export const startThread = <Request, Answer>(program: URL, setUp: unknown, heapMb?: number): Thread<Request, Answer> => {
  const old = heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb }
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB, ...old }
  const worker = new Worker(program, { workerData: setUp, execArgv: [], resourceLimits })
  const waiting: ReturnType<typeof deferred<Answer>>[] = []
  let ended: Error | undefined
  const end = (cause: Error): void => {
    ended ??= cause
    for (const each of waiting.splice(0)) each.reject(ended)
    void worker.terminate()
  }
  worker.on('message', (answer: Answer) => waiting.shift()?.resolve(answer))
  worker.on('messageerror', end)
  worker.on('error', end)
  worker.on('exit', () => end(new SynclineError('internal', 'A thread of the worker has ended')))
  return {
    ask: async ({ value, transfer }) => {
      if (ended !== undefined) throw ended
      const answer = deferred<Answer>()
      waiting.push(answer)
      worker.postMessage(value, transfer)
      return answer.promise
    },
    stop: async () => {
      await worker.terminate()
    },
  }
}

/** The other side: answers one request after the other. What `answer` throws ends the thread. */
export const serveThread = <SetUp, Request, Answer>(
  prepare: (setUp: SetUp) => (request: Request) => Promise<Handed<Answer>>,
): void => {
  if (isMainThread || parentPort === null) throw new SynclineError('internal', 'This program runs in a thread only')
  const port = parentPort
  const answer = prepare(workerData)
  let last: Promise<void> = Promise.resolve()
  port.on('message', (request: Request) => {
    last = last.then(async () => {
      const { value, transfer } = await answer(request)
      port.postMessage(value, transfer)
    })
    // Thrown where nobody catches it: the thread ends, and the other side learns why.
    last.catch((error: unknown) => {
      throw error
    })
  })
}
