// One organisation of the soak: its simulated vendor, its schedules and subscriptions, the changes that flow there, and whether the tables
// hold what it holds. Every second one is connected by OAuth, with tokens that live a minute.
import { randomBytes } from 'node:crypto'
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { databaseTime } from '../../ledger/database-time.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { createRun, listRuns, type Run } from '../../ledger/runs.ts'
import { saveSchedule } from '../../ledger/schedules.ts'
import { type KeyRing, parseEncryptionKey } from '../../ledger/secrets.ts'
import type { Strategy } from '../../manifests/strategy.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Chance, type ChangeKind, openDrift } from '../faults/drift.ts'
import { History } from '../faults/history.ts'
import { type Lab, manifest } from '../faults/lab.ts'
import { CANARY } from '../faults/witnesses.ts'
import { authorise } from '../harness/consent.ts'
import type { Arguments } from './arguments.ts'

const RATE = { limit: 100, periodSeconds: 2 }
const LATENCY_MS = 5
const TOKEN_SECONDS = 60
/** Deliveries that a dead receiver did not take come again so soon. */
const DELIVERED_AGAIN_MS = 1_000
const SELDOMER = 3
const QUIET: readonly ChangeKind[] = ['insert', 'update', 'update', 'rename']

const secret = (): string => `${CANARY}${randomBytes(8).toString('hex')}`

export class Church {
  readonly org: string
  readonly simulator: Simulator
  readonly byOAuth: boolean
  /** How often somebody had to consent again. */
  consents = 0
  readonly #lab: Lab
  readonly #ring: KeyRing
  readonly #change: () => void
  readonly #deletes: boolean

  /** A credential of its own, a schedule of each strategy that is asked for, due at once and then again and again. */
  static async open(lab: Lab, n: number, settings: Arguments, chance: Chance): Promise<Church> {
    const simulator = await startSimulator({
      people: settings.people,
      seed: settings.seed + n,
      rate: RATE,
      latencyMs: LATENCY_MS,
      personalTokens: [`app:${secret()}`],
      webhookSecretPrefix: CANARY,
      oauth: { tokenPrefix: CANARY, clientSecret: secret(), accessTokenSeconds: TOKEN_SECONDS },
    })
    simulator.webhooks.retryAfter(DELIVERED_AGAIN_MS)
    const church = new Church(lab, n, simulator, settings, chance)
    await church.#connect()
    for (const strategy of settings.strategies) await church.#schedule(strategy, settings.everySeconds)
    return church
  }

  private constructor(lab: Lab, n: number, simulator: Simulator, settings: Arguments, chance: Chance) {
    this.org = `church-${n}`
    this.byOAuth = n % 2 === 1
    this.simulator = simulator
    this.#lab = lab
    this.#ring = parseEncryptionKey(lab.installation.env['SYNCLINE_ENCRYPTION_KEY'] ?? '')
    // Not every deletion is told of: what hangs on a record goes with it.
    this.#deletes = settings.strategies.includes('reconcile')
    const kinds: readonly ChangeKind[] = this.#deletes ? [...QUIET, 'delete'] : QUIET
    const drift = openDrift(new History(simulator, this.owner), chance, { tied: 0, groups: 0, members: 0 })
    this.#change = () => drift(chance.pick(kinds))
  }

  get owner() {
    return { orgId: this.org, source: 'pco' }
  }

  async #connect(): Promise<void> {
    if (this.byOAuth) return this.#authorise()
    const { url: baseUrl, personalToken: credential } = this.simulator
    const connection = { ...this.owner, adapter: 'pco', baseUrl, settings: {}, rateLimit: null, credential }
    await saveConnection(this.#lab.pool, this.#ring, connection)
  }

  async #schedule(strategy: Strategy, everySeconds: number): Promise<void> {
    const interval = strategy === 'reconcile' ? SELDOMER * everySeconds : everySeconds
    const now = await databaseTime(this.#lab.pool)
    const rule = {
      ...this.owner,
      name: strategy,
      strategy,
      selection: null,
      cron: null,
      everySeconds: interval,
      timeZone: 'UTC',
      jitterSeconds: Math.floor(interval / 2),
      missed: 'once',
      blackouts: [],
    } as const
    // The first time of each is anywhere within the interval: they are not all due at once.
    const firesAt = new Date(now.getTime() + Math.random() * interval * 1_000)
    await saveSchedule(this.#lab.pool, rule, { dueAt: now, firesAt })
  }

  #authorise(): Promise<void> {
    return authorise(this.#lab.pool, this.#ring, this.simulator, this.org)
  }

  /** As an administrator does when the connection has to be authorised again. */
  consentAgain(): Promise<void> {
    this.consents++
    return this.#authorise()
  }

  /** The vendor tells of changes from now on. */
  async subscribe(receiver: string): Promise<void> {
    const { code, stderr } = await this.#lab.installation.cli(['webhooks', 'ensure', '--org', this.org, '--url', receiver])
    if (code !== 0) throw new Error(`The subscriptions of ${this.org} were not made: ${stderr}`)
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
