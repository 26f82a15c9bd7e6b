// Half-open connections to PostgreSQL: the other end is gone, and nobody is told. A connection that owes an answer and is silent
// goes in; it is ended, at both ends, unless the server says over another one that it is at work on it.
// A time limit would not do: a migration may rightly take an hour. Nor would keep-alive: proxies on the way answer it.
import { Socket } from 'node:net'
import pg from 'pg'
import { pause } from './lifecycle.ts'

/** Without a byte in either direction. Then the server is asked: being early costs a question, and no statement its life. */
const SILENT_MS = 5_000
/** For what has come while this process stood still: timers are served before sockets. */
const STALL_MS = 500
const ASK_WITHIN_MS = 5_000
/** A server that cannot be asked so many times, 5 to 10 s each, does not work for us either: beyond the time-out of statements. */
const MAX_IN_VAIN = 12

/** Sessions that wait for us, or for nothing, are ended, so that their locks are free; null (not allowed to see it) is work. */
const REVIEW = `
  with asked as materialized (
    select pid, coalesce(state, 'active') = 'active' and wait_event_type is distinct from 'Client' as works
    from pg_stat_activity where pid = any($1) and usename = current_user and datname = current_database()
  )
  select pid, works, case when not works then pg_terminate_backend(pid) end from asked`

/** Ends those of the sessions that do not work, and resolves to the others. Rejects when the server cannot be asked. */
type Review = (pids: readonly number[]) => Promise<ReadonlySet<number>>

export const reviewOver =
  (connection: pg.ClientConfig): Review =>
  async (pids) => {
    const client = new pg.Client({ ...connection, connectionTimeoutMillis: ASK_WITHIN_MS, query_timeout: ASK_WITHIN_MS })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const { rows } = await client.query<{ pid: number; works: boolean }>(REVIEW, [pids])
      // Its goodbye is not waited for.
      client.end().catch(() => undefined)
      return new Set(rows.filter(({ works }) => works).map(({ pid }) => pid))
    } catch (error) {
      client.connection.stream.destroy()
      throw error
    }
  }

interface Watched {
  readonly socket: Socket
  readonly pid: number
  /** Bytes written when the last answer was complete: more of them mean that another is owed. */
  writtenAtRest: number
  askedInVain: number
}

const movedOf = ({ socket }: Watched): number => socket.bytesRead + socket.bytesWritten

// With a code that says: away, try again.
const silence = (): Error =>
  Object.assign(new Error('PostgreSQL does not answer on a connection, and is not at work on it'), { code: 'ETIMEDOUT' })

/** Watches the connections of one pool, which tells of them by the three methods. */
export class SilenceWatch {
  readonly #review: Review
  readonly #watched = new WeakMap<pg.ClientBase, Watched>()
  readonly #idle = new Set<Watched>()
  readonly #suspects = new Set<Watched>()
  #reviewing: Promise<void> | undefined

  constructor(review: Review) {
    this.#review = review
  }

  /** To be awaited before the connection is used. Rejects when it is silent from the beginning. */
  async connected(client: pg.ClientBase): Promise<void> {
    if (!(client instanceof pg.Client && client.connection.stream instanceof Socket)) return
    const { stream: socket } = client.connection
    const giveUp = setTimeout(() => socket.destroy(silence()), ASK_WITHIN_MS)
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid').finally(() => clearTimeout(giveUp))
    const watched: Watched = { socket, pid: rows[0]?.pid ?? 0, writtenAtRest: socket.bytesWritten, askedInVain: 0 }
    this.#watched.set(client, watched)
    client.on('drain', () => {
      watched.writtenAtRest = socket.bytesWritten
    })
    socket.on('timeout', () => void this.#silent(watched))
    socket.once('close', () => this.#idle.delete(watched))
    socket.setTimeout(SILENT_MS)
  }

  /** It lies in the pool from now on. */
  rests(client: pg.ClientBase): void {
    const watched = this.#watched.get(client)
    if (watched !== undefined && !watched.socket.destroyed) this.#idle.add(watched)
  }

  /** It is taken out of the pool. */
  works(client: pg.ClientBase): void {
    const watched = this.#watched.get(client)
    if (watched !== undefined) this.#idle.delete(watched)
  }

  async #silent(watched: Watched): Promise<void> {
    const moved = movedOf(watched)
    const isOwed = () => watched.socket.bytesWritten > watched.writtenAtRest
    if (isOwed()) {
      await pause(STALL_MS)
      if (isOwed() && movedOf(watched) === moved) await this.#suspect(watched)
    }
    if (!watched.socket.destroyed) watched.socket.setTimeout(SILENT_MS)
  }

  /** All that are silent by then are asked for by one connection. */
  async #suspect(watched: Watched): Promise<void> {
    this.#suspects.add(watched)
    this.#reviewing ??= this.#reviewSuspects().finally(() => {
      this.#reviewing = undefined
    })
    await this.#reviewing
  }

  async #reviewSuspects(): Promise<void> {
    while (this.#suspects.size > 0) {
      const suspects = [...this.#suspects]
      this.#suspects.clear()
      const working = await this.#review(suspects.map(({ pid }) => pid)).catch(() => undefined)
      const dead = suspects.filter((each) => isDead(each, working))
      for (const { socket } of dead) socket.destroy(silence())
      if (dead.length > 0) this.#dropIdle()
    }
  }

  /** Those in the pool have probably gone the same way; each would cost its next user as long a silence. */
  #dropIdle(): void {
    for (const each of this.#idle) {
      each.socket.destroy(silence())
      this.#suspects.add(each)
    }
    this.#idle.clear()
  }
}

const isDead = (watched: Watched, working: ReadonlySet<number> | undefined): boolean => {
  watched.askedInVain = working === undefined ? watched.askedInVain + 1 : 0
  return working === undefined ? watched.askedInVain >= MAX_IN_VAIN : !working.has(watched.pid)
}
