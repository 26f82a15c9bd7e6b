// Signals of PostgreSQL (NOTIFY): names of channels go in, wake-ups of those who wait for their news come out, over one connection of the
// pool. Must hold: a signal is a hint and may be lost. Who waits looks by himself after a while, and as often as if there were no signals
// until one of our own has come back to us over another connection: through some poolers none does.
import { randomUUID } from 'node:crypto'
import { messageOf } from './errors.ts'
import { backoffMs, deferred, pause } from './lifecycle.ts'
import type { Logger } from './logger.ts'
import type { Pool, PoolClient } from './postgres.ts'
import { endsWithin } from './stopping.ts'
import { createWake } from './wake.ts'

/** How long a lost signal may stay unnoticed. */
export const QUIET_MS = 10_000
const PROVE_EVERY_MS = 15_000
const ECHO_WITHIN_MS = 5_000
const AGAIN = { baseMs: 500, maxMs: 10_000 }

export interface News {
  /** Until the next signal, at once when one has come since the last sleep; until there may be news that was missed; or for `ms`. */
  sleep(ms: number): Promise<void>
  /** How long to sleep at most: `quietMs` while signals come through, else `deafMs`. */
  pace(deafMs: number, quietMs?: number): number
}

export interface Signals {
  /** News of some of the channels, until `signal` aborts, which wakes as well. `heed`: of what a signal says, whether it is news. */
  news(channels: readonly string[], signal: AbortSignal, heed?: (payload: string) => boolean): News
  close(): Promise<void>
}

interface Reader {
  readonly channels: readonly string[]
  readonly heed: (payload: string) => boolean
  readonly wake: () => void
}

/** Listens to the channels until it is closed; a lost connection is made again. Without channels it takes none. */
export const createSignals = (pool: Pool, channels: readonly string[], log: Logger): Signals => {
  const readers = new Set<Reader>()
  const closing = new AbortController()
  let isLive = false

  const wakeAll = () => {
    for (const reader of readers) reader.wake()
  }

  const hear = (channel: string, payload: string) => {
    for (const reader of readers) if (reader.channels.includes(channel) && reader.heed(payload)) reader.wake()
  }

  /** Until it is closed; throws when the connection is lost, or proves to be deaf. */
  const listen = async (client: PoolClient): Promise<void> => {
    const lost = deferred<never>()
    for (const event of ['error', 'end'] as const) client.once(event, () => lost.reject(new Error('the connection was lost')))
    closing.signal.addEventListener('abort', () => lost.reject(new Error('closed')), { once: true })
    const echo = `syncline_${randomUUID().replaceAll('-', '')}`
    let heard = deferred<void>()
    client.on('notification', ({ channel, payload = '' }) => (channel === echo ? heard.resolve() : hear(channel, payload)))
    await client.query([...channels, echo].map((channel) => `listen ${channel}`).join(';'))
    while (!closing.signal.aborted) {
      heard = deferred()
      const proven = Promise.all([heard.promise, pool.query('select pg_notify($1, $2)', [echo, ''])])
      if (!(await Promise.race([endsWithin(ECHO_WITHIN_MS, proven), lost.promise])))
        throw new Error('a signal did not come through')
      if (!isLive) log.debug({ channels }, 'signals come through')
      // What came before the connection listened is news to all.
      if (!isLive) wakeAll()
      isLive = true
      await Promise.race([pause(PROVE_EVERY_MS, closing.signal), lost.promise])
    }
  }

  const keepListening = async (): Promise<void> => {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      let client: PoolClient | undefined
      try {
        client = await pool.connect()
        await listen(client)
      } catch (error) {
        if (isLive) failures = 0
        if (!closing.signal.aborted) log.debug({ reason: messageOf(error) }, 'signals do not come through, it is looked for news')
      }
      isLive = false
      // It must not go back into the pool: it would go on listening.
      client?.release(true)
      // Who sleeps long does so no longer; and he learns that PostgreSQL is away, if it is.
      wakeAll()
      await pause(backoffMs(failures, AGAIN), closing.signal)
    }
  }

  const listening = channels.length === 0 ? Promise.resolve() : keepListening()

  return {
    news: (of, signal, heed = () => true) => {
      const unknown = of.find((channel) => !channels.includes(channel))
      if (unknown !== undefined) throw new Error(`nobody listens to ${unknown}`)
      const { sleep, wake } = createWake()
      const reader = { channels: of, heed, wake }
      readers.add(reader)
      const end = () => {
        readers.delete(reader)
        wake()
      }
      signal.addEventListener('abort', end, { once: true })
      return { sleep, pace: (deafMs, quietMs = QUIET_MS) => (isLive ? quietMs : deafMs) }
    },
    close: async () => {
      closing.abort()
      await listening
    },
  }
}

/** Where nobody listens: who waits for news looks for them. */
export const NO_SIGNALS: Pick<Signals, 'news'> = {
  news: (_, signal) => ({ sleep: (ms) => pause(ms, signal), pace: (deafMs) => deafMs }),
}
