// Commands that wait for a slot, by organisation: taken in turn, so that one organisation's many ranges do not hold up another's.
import type { FetchCommand } from '../topics/commands.ts'

export interface QueuedCommand {
  readonly command: FetchCommand
  /** To be called when the command needs no further attention: its offset may be committed. */
  readonly settle: () => void
}

export class CommandQueue {
  #byOrg = new Map<string, QueuedCommand[]>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(queued: QueuedCommand): void {
    const { orgId } = queued.command
    const queue = this.#byOrg.get(orgId)
    if (queue) queue.push(queued)
    else this.#byOrg.set(orgId, [queued])
    this.#size++
  }

  /** The oldest command of the organisation whose turn it is. */
  take(): QueuedCommand | undefined {
    const next = this.#byOrg.entries().next()
    if (next.done) return undefined
    const [orgId, queue] = next.value
    const queued = queue.shift()
    // Back to the end of the line, if it has more.
    this.#byOrg.delete(orgId)
    if (queue.length > 0) this.#byOrg.set(orgId, queue)
    this.#size--
    return queued
  }

  clear(): void {
    this.#byOrg = new Map()
    this.#size = 0
  }
}
