// Who leads: the orchestrator whose connection holds one advisory lock. A lost connection is lost leadership; every step of a
// leader is guarded in the ledger besides, so that two who believe to lead do no harm.
import type { Pool, PoolClient } from '../platform/postgres.ts'

const LEADER_LOCK = 7_301_955_023
// A leader asks every ten seconds at least. One whose machine is gone would keep the lock as long as nobody tells the server.
const LAPSE = `set idle_session_timeout = '20s'`

export class Leadership {
  readonly #pool: Pool
  #client: PoolClient | undefined

  constructor(pool: Pool) {
    this.#pool = pool
  }

  /** True while this process leads; tries to become leader when there is none. Throws when PostgreSQL is away. */
  async held(): Promise<boolean> {
    const client = this.#client ?? (await this.#pool.connect())
    try {
      const sql = this.#client ? 'select true as held' : 'select pg_try_advisory_lock($1) as held'
      const { rows } = await client.query<{ held: boolean }>(sql, this.#client ? [] : [LEADER_LOCK])
      if (!rows[0]?.held) client.release()
      else if (this.#client === undefined) {
        await client.query(LAPSE)
        this.#client = client
      }
    } catch (error) {
      this.#client = undefined
      client.release(true)
      throw error
    }
    return this.#client !== undefined
  }

  async resign(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client === undefined) return
    await client.query('select pg_advisory_unlock($1)', [LEADER_LOCK]).catch(() => undefined)
    client.release(true)
  }
}
