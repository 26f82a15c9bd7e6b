// Many organisations that run by themselves for a while: schedules fire, changes flow, workers are killed. Then all is quiet, each is
// synced once more, and everything is judged. Prints a line a minute.
import { hasEnded } from '../../ledger/runs.ts'
import { pause } from '../../platform/lifecycle.ts'
import { limit, memory, secrets, versions } from '../faults/checks.ts'
import type { Chance } from '../faults/drift.ts'
import type { Lab } from '../faults/lab.ts'
import { residentMb } from '../faults/witnesses.ts'
import { until } from '../harness/until.ts'
import type { Arguments } from './arguments.ts'
import { Church } from './church.ts'

const TICK_MS = 500
const MINUTE_MS = 60_000
const SETTLES_WITHIN_MS = 600_000
/** Each half second one organisation in so many changes. */
const CHANGES_PER_TICK = 0.2

export type Print = (line: string) => void

export class Soak {
  readonly #lab: Lab
  readonly #settings: Arguments
  readonly #chance: Chance
  readonly #print: Print
  readonly #memory = new Map<number, number[]>()
  #churches: Church[] = []
  #changes = 0
  #kills = 0

  constructor(lab: Lab, settings: Arguments, chance: Chance, print: Print) {
    this.#lab = lab
    this.#settings = settings
    this.#chance = chance
    this.#print = print
  }

  /** What was wrong; empty: nothing. */
  async run(): Promise<readonly string[]> {
    const { organisations, members } = this.#settings
    for (let n = 0; n < organisations; n++) this.#churches.push(await Church.open(this.#lab, n, this.#settings, this.#chance))
    this.#lab.crew.fill(members)
    await this.#flow()
    await this.#settle()
    return this.#judge()
  }

  async close(): Promise<void> {
    await Promise.all(this.#churches.map(({ simulator }) => simulator.close()))
  }

  async #flow(): Promise<void> {
    const { minutes, killEverySeconds } = this.#settings
    const startedAt = performance.now()
    let [killAt, tellAt] = [startedAt + killEverySeconds * 1_000, startedAt + MINUTE_MS]
    while (performance.now() < startedAt + minutes * MINUTE_MS) {
      for (let n = 0; n < this.#churches.length * CHANGES_PER_TICK; n++) {
        this.#chance.pick(this.#churches).change()
        this.#changes++
      }
      this.#sample()
      if (performance.now() >= killAt) {
        await this.#lab.crew.kill(this.#chance.pick(this.#lab.crew.running()))
        this.#kills++
        killAt += killEverySeconds * 1_000
      }
      if (performance.now() >= tellAt) {
        this.#print(await this.#line((tellAt - startedAt) / MINUTE_MS))
        tellAt += MINUTE_MS
      }
      await pause(TICK_MS)
    }
  }

  #sample(): void {
    for (const { pid } of this.#lab.crew.running()) {
      const mb = residentMb(pid)
      const samples = this.#memory.get(pid) ?? []
      if (mb !== undefined) samples.push(mb)
      this.#memory.set(pid, samples)
    }
  }

  async #line(minute: number): Promise<string> {
    const { rows } = await this.#lab.pool.query<{ state: string; n: number }>(
      'select state, count(*)::int as n from sync.runs group by state order by state',
    )
    const states = rows.map(({ state, n }) => `${n} ${state}`).join(', ')
    const mb = Math.max(0, ...[...this.#memory.values()].map((samples) => samples.at(-1) ?? 0))
    const calls = this.#churches.reduce((sum, { simulator }) => sum + simulator.stats().calls, 0)
    return `minute ${Math.round(minute)}: runs: ${states}; ${calls} calls, ${this.#changes} changes, ${this.#kills} kills, largest worker ${Math.round(mb)} MB`
  }

  /** No change, no kill, no schedule: what goes on ends, and then each is synced once more. */
  async #settle(): Promise<void> {
    await this.#lab.pool.query('update sync.schedules set paused_at = now(), turn = turn + 1 where paused_at is null')
    this.#lab.crew.fill(this.#settings.members)
    const active = `select from sync.runs where state in ('planned', 'running', 'paused')`
    const quiet = async () => (await this.#lab.pool.query(active)).rowCount === 0
    await until('all runs end', quiet, SETTLES_WITHIN_MS)
    for (const church of this.#churches) await church.askLast()
    await until('the last run of each ends', quiet, SETTLES_WITHIN_MS)
  }

  async #judge(): Promise<readonly string[]> {
    const wrong: string[] = []
    const add = (of: string, what: string | undefined): void => void (what !== undefined && wrong.push(`${of}: ${what}`))
    for (const church of this.#churches) {
      const runs = await church.runs()
      const [last] = runs
      const scheduled = runs.length - 1
      add(church.org, scheduled > 0 ? undefined : 'no schedule of it fired')
      add(church.org, last?.state === 'complete' ? undefined : `its last run is ${last?.state}: ${last?.reason}`)
      for (const run of runs) if (run.state === 'failed') add(church.org, `run ${run.runId} failed: ${run.reason}`)
      if (runs.some((run) => !hasEnded(run.state))) add(church.org, 'a run has not ended')
      add(church.org, await church.differences())
      add(church.org, await versions({ lab: this.#lab, org: church.org }))
      add(church.org, limit(church))
    }
    add('secrets', await secrets({ lab: this.#lab }))
    add('memory', memory({ memory: this.#memory }))
    const { rows } = await this.#lab.pool.query<{ n: number }>(
      `select count(*)::int as n from (select from sync.runs where state in ('planned', 'running', 'paused')
         group by org_id, source, strategy having count(*) > 1) twice`,
    )
    add('schedules', rows[0]?.n === 0 ? undefined : 'a strategy runs twice at once')
    this.#print(`at the end: ${(await this.#line(this.#settings.minutes)).replace(/^minute \d+: /, '')}`)
    return wrong
  }
}
