// Many organisations that run by themselves for a while: schedules fire, changes flow and are told, tokens lapse, workers are killed. Then
// all is quiet, each is synced once more, and everything is judged. Prints a line a minute.
import { freePorts } from '../../local/ports.ts'
import { pause } from '../../platform/lifecycle.ts'
import type { Chance } from '../faults/drift.ts'
import type { Lab } from '../faults/lab.ts'
import { residentMb } from '../faults/witnesses.ts'
import { until } from '../harness/until.ts'
import type { Arguments } from './arguments.ts'
import { Church } from './church.ts'
import { judge } from './judge.ts'

const TICK_MS = 500
const MINUTE_MS = 60_000
const SETTLES_WITHIN_MS = 600_000
/** Each half second one organisation in so many changes. */
const CHANGES_PER_TICK = 0.2
/** Commands at once. */
const SUBSCRIBERS = 2

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
    const { organisations, members, minutes } = this.#settings
    for (let n = 0; n < organisations; n++) this.#churches.push(await Church.open(this.#lab, n, this.#settings, this.#chance))
    const [port = 0] = await freePorts(1)
    this.#lab.crew.start('webhooks', { SYNCLINE_WEBHOOKS_PORT: String(port) })
    await this.#subscribe(`http://127.0.0.1:${port}`)
    this.#lab.crew.fill(members)
    await this.#flow()
    await this.#settle()
    this.#print(`at the end: ${(await this.#line(minutes)).replace(/^minute \d+: /, '')}`)
    return judge(this.#lab, this.#churches, this.#memory)
  }

  async close(): Promise<void> {
    await Promise.all(this.#churches.map(({ simulator }) => simulator.close()))
  }

  async #subscribe(receiver: string): Promise<void> {
    const waiting = [...this.#churches]
    const next = async (): Promise<void> => {
      for (let church = waiting.shift(); church !== undefined; church = waiting.shift()) await church.subscribe(receiver)
    }
    await Promise.all(Array.from({ length: SUBSCRIBERS }, next))
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
      await this.#consent()
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

  /** A worker that dies with a pair of tokens it has just received leaves a connection that must be consented to again: somebody does. */
  async #consent(): Promise<void> {
    const { rows } = await this.#lab.pool.query<{ org_id: string }>("select org_id from sync.tokens where state = 'reauthorise'")
    for (const { org_id } of rows) await this.#churches.find(({ org }) => org === org_id)?.consentAgain()
  }

  async #line(minute: number): Promise<string> {
    const { rows } = await this.#lab.pool.query<{ text: string }>(
      `select string_agg(n || ' ' || what, ', ' order by what) as text
       from (select count(*) as n, strategy || ' ' || state as what from sync.runs group by what) counted`,
    )
    const sum = (of: (church: Church) => number) => this.#churches.reduce((total, church) => total + of(church), 0)
    const mb = Math.max(0, ...[...this.#memory.values()].map((samples) => samples.at(-1) ?? 0))
    const told = sum(({ simulator }) => simulator.webhooks.stats().delivered)
    return [
      `minute ${Math.round(minute)}: runs: ${rows[0]?.text ?? 'none'}; ${sum(({ simulator }) => simulator.stats().calls)} calls`,
      `${this.#changes} changes, ${told} deliveries taken, ${sum(({ simulator }) => simulator.oauth.stats().refreshes)} refreshes`,
      `${this.#kills} kills, ${sum(({ consents }) => consents)} consents again, largest worker ${Math.round(mb)} MB`,
    ].join(', ')
  }

  async #until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
    const checked = async () => {
      await this.#consent()
      return isTrue()
    }
    await until(what, checked, SETTLES_WITHIN_MS)
  }

  /** No change, no kill, no schedule: what goes on ends, and then each is synced once more. */
  async #settle(): Promise<void> {
    const { pool, crew } = this.#lab
    await pool.query('update sync.schedules set paused_at = now(), turn = turn + 1 where paused_at is null')
    crew.fill(this.#settings.members)
    const none = async (query: string) => (await pool.query(query)).rowCount === 0
    const quiet = () => none(`select from sync.runs where state in ('planned', 'running', 'paused')`)
    await this.#until('every delivery is taken', () =>
      this.#churches.every(({ simulator }) => simulator.webhooks.stats().pending === 0),
    )
    await this.#until('nothing is to be asked for', () => none('select from sync.asks limit 1'))
    await this.#until('all runs end', quiet)
    for (const church of this.#churches) await church.askLast()
    await this.#until('the last run of each ends', quiet)
  }
}
