// One organisation of the soak: its simulated vendor, its schedules, the changes that flow there, and whether the tables hold what it holds.
import { randomBytes } from 'node:crypto'
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { createRun, listRuns, type Run } from '../../ledger/runs.ts'
import { databaseTime, saveSchedule } from '../../ledger/schedules.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Chance, type ChangeKind, openDrift } from '../faults/drift.ts'
import { History } from '../faults/history.ts'
import { type Lab, manifest } from '../faults/lab.ts'
import { CANARY } from '../faults/witnesses.ts'
import type { Arguments } from './arguments.ts'

const RATE = { limit: 100, periodSeconds: 2 }
const LATENCY_MS = 5
const QUIET: readonly ChangeKind[] = ['insert', 'update', 'update', 'rename']

export class Church {
  readonly org: string
  readonly simulator: Simulator
  readonly #lab: Lab
  readonly #change: () => void
  readonly #deletes: boolean

  /** A credential of its own, a schedule of each strategy that is asked for, due at once and then again and again. */
  static async open(lab: Lab, n: number, settings: Arguments, chance: Chance): Promise<Church> {
    const token = `app:${CANARY}${randomBytes(8).toString('hex')}`
    const seed = settings.seed + n
    const simulator = await startSimulator({
      people: settings.people,
      seed,
      rate: RATE,
      latencyMs: LATENCY_MS,
      personalTokens: [token],
    })
    const church = new Church(lab, `church-${n}`, simulator, settings, chance)
    await church.#connect(settings)
    return church
  }

  private constructor(lab: Lab, org: string, simulator: Simulator, settings: Arguments, chance: Chance) {
    this.org = org
    this.simulator = simulator
    this.#lab = lab
    // A deletion is noticed by reconciliation alone.
    this.#deletes = settings.strategies.includes('reconcile')
    const kinds: readonly ChangeKind[] = this.#deletes ? [...QUIET, 'delete'] : QUIET
    const drift = openDrift(new History(simulator, this.owner), chance, { tied: 0, groups: 0, members: 0 })
    this.#change = () => drift(chance.pick(kinds))
  }

  get owner() {
    return { orgId: this.org, source: 'pco' }
  }

  async #connect({ strategies, everySeconds }: Arguments): Promise<void> {
    const { pool, installation } = this.#lab
    const { url: baseUrl, personalToken: credential } = this.simulator
    const key = parseEncryptionKey(installation.env['SYNCLINE_ENCRYPTION_KEY'] ?? '')
    await saveConnection(pool, key, { ...this.owner, adapter: 'pco', baseUrl, settings: {}, rateLimit: null, credential })
    const now = await databaseTime(pool)
    for (const strategy of strategies) {
      const rule = {
        ...this.owner,
        name: strategy,
        strategy,
        selection: null,
        cron: null,
        everySeconds,
        timeZone: 'UTC',
        jitterSeconds: Math.floor(everySeconds / 2),
        missed: 'once',
        blackouts: [],
      } as const
      // The first time of each is anywhere within the interval: they are not all due at once.
      const firesAt = new Date(now.getTime() + Math.random() * everySeconds * 1_000)
      await saveSchedule(pool, rule, { dueAt: now, firesAt })
    }
  }

  /** One more change at the vendor. */
  change(): void {
    this.#change()
  }

  runs(): Promise<readonly Run[]> {
    return listRuns(this.#lab.pool, { orgId: this.org, limit: 10_000 })
  }

  /** A run of everything that nothing disturbs any more; where records are deleted, one that notices. */
  async askLast(): Promise<string> {
    const selection = manifest.definitions.map(({ entity }) => entity)
    const strategy = this.#deletes ? 'reconcile' : 'full'
    return createRun(this.#lab.pool, { ...this.owner, adapter: 'pco', strategy, selection })
  }

  /** How the tables differ from what the vendor holds; undefined when they do not. */
  async differences(): Promise<string | undefined> {
    const found = await compareWithModel(this.#lab.pool, manifest, this.owner, this.simulator.model)
    const wrong = found.filter((difference) => !isEqual(difference))
    return wrong.length === 0 ? undefined : JSON.stringify(wrong)
  }
}
