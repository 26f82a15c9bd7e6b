// The supervisor: the one process that owns the services of a home. It is given a plan over its channel, keeps the state file,
// and ends everything when it is told to (a signal), when a service dies, or when a starter it was not detached from goes away.
import { messageOf, SynclineError } from '../platform/errors.ts'
import { createLogger } from '../platform/logger.ts'
import { refOf } from './processes.ts'
import { type Message, type Plan, PlanSchema } from './protocol.ts'
import { type Services, startServices } from './services.ts'
import { createRecord, removeRecord, replaceRecord, type StackRecord } from './state.ts'

const log = createLogger()

const tell = (message: Message): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, () => resolve())
  })

class Supervisor {
  readonly #plan: Plan
  #record: StackRecord
  #services: Services | undefined
  #ending: Promise<void> | undefined

  constructor(plan: Plan) {
    const self = refOf('supervisor', process.pid)
    if (self === undefined) throw new TypeError('A running process has a start time')
    this.#plan = plan
    this.#record = { version: 1, createdAt: new Date().toISOString(), supervisor: self, processes: [] }
  }

  async run(): Promise<void> {
    if (!createRecord(this.#plan.home, this.#record)) return this.#exit(0, { type: 'taken' })
    this.#endOnSignals()
    this.#services = startServices(this.#plan, {
      onSpawn: (spawned) => this.#keep({ processes: [...this.#record.processes, spawned.process] }),
      onProgress: (message) => void tell({ type: 'progress', message }),
      onDeath: (message) => void this.#end(message),
    })
    try {
      const addresses = await this.#services.ready
      if (this.#ending) return
      this.#keep({ addresses })
      log.info({ processes: this.#record.processes }, 'stack is up')
      await tell({ type: 'ready', addresses })
    } catch (error) {
      await this.#end(messageOf(error), error instanceof SynclineError ? error.remedy : undefined)
    }
  }

  #endOnSignals(): void {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void this.#end())
    process.on('disconnect', () => {
      if (!this.#plan.detach || this.#record.addresses === undefined) void this.#end()
    })
  }

  #keep(change: Partial<StackRecord>): void {
    this.#record = { ...this.#record, ...change }
    replaceRecord(this.#plan.home, this.#record)
  }

  /** Ends the services, then the file, then us. With a reason, it is a failure. */
  #end(reason?: string, remedy?: string): Promise<void> {
    this.#ending ??= this.#shutDown(reason, remedy)
    return this.#ending
  }

  async #shutDown(reason: string | undefined, remedy: string | undefined): Promise<void> {
    if (reason === undefined) log.info('stack goes down')
    else log.error({ reason }, 'stack goes down')
    await this.#services?.stop()
    removeRecord(this.#plan.home, this.#record.supervisor)
    if (reason === undefined) return this.#exit(0)
    await this.#exit(1, { type: 'failed', message: reason, ...(remedy === undefined ? {} : { remedy }) })
  }

  async #exit(code: number, message?: Message): Promise<void> {
    if (message !== undefined) await tell(message)
    process.exit(code)
  }
}

// What it and its services write is for its owner alone.
process.umask(0o077)
process.once('message', (message) => {
  new Supervisor(PlanSchema.parse(message)).run().catch((error: unknown) => {
    log.error({ err: error }, 'supervisor failed')
    process.exit(1)
  })
})
