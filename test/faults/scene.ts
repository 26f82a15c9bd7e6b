// One case under way: an organisation, its simulated vendor, its run, and what the case needs to see of them.
import { randomBytes } from 'node:crypto'
import type { Owner } from '../../cli/compare.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { createRun, findRun, hasEnded, type Run } from '../../ledger/runs.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import type { Strategy } from '../../manifests/strategy.ts'
import { isDatabaseAway } from '../../platform/postgres.ts'
import { createDice } from '../../simulator/generated/random.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { startProxy, type TcpProxy } from '../harness/proxy.ts'
import { until } from '../harness/until.ts'
import type { FaultCase, Size } from './case.ts'
import type { Member } from './crew.ts'
import { type Lab, manifest } from './lab.ts'
import type { LinkName } from './links.ts'
import { CANARY, residentMb } from './witnesses.ts'

/** Records of all entities for each generated person. */
const RECORDS_PER_PERSON = 5.6
const RATE = { limit: 100, periodSeconds: 2 }
/** So slow that records come for seconds: between the moment of a fault and the end there are many looks, on a busy machine too. */
const LATENCY_MS = 100
const FLOWS_WITHIN_MS = 300_000
const SAMPLE_MS = 500

export class Scene {
  readonly lab: Lab
  readonly simulator: Simulator
  readonly org: string
  readonly size: Size
  readonly #rateLimit: string | null
  readonly #api: TcpProxy | undefined
  readonly #random: (row: number) => number
  #drawn = 0
  #runId = ''
  #expected = 0
  #sampler: NodeJS.Timeout | undefined
  /** By performance.now(); of the last fault or its end. */
  lastFaultAt = performance.now()
  endedAt = 0
  faults: string[] = []
  /** What the kills so far may have cost at most, a page for each range that was walked (invariant 4); undefined: not to be judged. */
  pagesAtRisk: number | undefined
  /** Resident memory in MB by process, a sample each half second. */
  readonly memory = new Map<number, number[]>()

  static async open(lab: Lab, test: FaultCase, size: Size, seed: number): Promise<Scene> {
    const people = Math.max(1, Math.round(size.records / RECORDS_PER_PERSON))
    const token = `app:${CANARY}${randomBytes(8).toString('hex')}`
    const defaults = { people, seed, rate: RATE, latencyMs: LATENCY_MS, personalTokens: [token] }
    const simulator = await startSimulator({ ...defaults, ...test.simulator, ...size.simulator })
    const api = test.links?.proxied?.includes('api') ? await startProxy(simulator.url) : undefined
    return new Scene(lab, { simulator, api }, test, size, seed)
  }

  private constructor(
    lab: Lab,
    { simulator, api }: { simulator: Simulator; api: TcpProxy | undefined },
    test: FaultCase,
    size: Size,
    seed: number,
  ) {
    this.lab = lab
    this.simulator = simulator
    this.#api = api
    this.size = size
    this.#rateLimit = test.rateLimit ?? null
    this.org = `${test.id.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${randomBytes(3).toString('hex')}`
    this.#random = createDice(seed)(test.id)
  }

  get owner(): Owner {
    return { orgId: this.org, source: 'pco' }
  }

  get runId(): string {
    return this.#runId
  }

  /** What stands before a service, or before the API. */
  proxy(name: LinkName): TcpProxy {
    const proxy = name === 'api' ? this.#api : this.lab.proxies[name]
    if (proxy === undefined) throw new Error(`The case says nothing of a proxy before ${name}`)
    return proxy
  }

  /** The next number of this case's chance, from 0 to below 1. */
  random(): number {
    return this.#random(this.#drawn++) / 2 ** 32
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)]
    if (item === undefined) throw new Error('There is nothing to pick from')
    return item
  }

  /** Notes that a fault has struck, or that a lasting one has ended. */
  struck(what: string): void {
    this.faults.push(what)
    this.lastFaultAt = performance.now()
  }

  /** A lasting fault is over. */
  healed(): void {
    this.lastFaultAt = performance.now()
  }

  /** From the last fault, or its end, to the end of the run; 0 while there is none. */
  get secondsAfter(): number {
    return Math.max(0, this.endedAt - this.lastFaultAt) / 1000
  }

  async begin(): Promise<void> {
    const { installation, pool } = this.lab
    const key = parseEncryptionKey(installation.env['SYNCLINE_ENCRYPTION_KEY'] ?? '')
    const owner = { ...this.owner, adapter: 'pco' }
    const { url, personalToken: credential } = this.simulator
    const baseUrl = this.#api?.url ?? url
    await saveConnection(pool, key, { ...owner, baseUrl, settings: {}, rateLimit: this.#rateLimit, credential })
    await this.beginRun()
    this.#sampler = setInterval(() => this.#sample(), SAMPLE_MS)
  }

  /** A run from here on is the run of this scene; the one before must have ended. */
  async beginRun(strategy: Strategy = 'full'): Promise<void> {
    const selection = manifest.definitions.map(({ entity }) => entity)
    // The simulator's entities are named as the manifest's.
    this.#expected = selection.reduce((sum, entity) => sum + this.simulator.model.count(entity as 'person'), 0)
    this.#runId = await createRun(this.lab.pool, { ...this.owner, adapter: 'pco', strategy, selection })
    this.lastFaultAt = performance.now()
  }

  #sample(): void {
    for (const { pid } of this.lab.crew.running()) {
      const mb = residentMb(pid)
      if (mb === undefined) continue
      const samples = this.memory.get(pid) ?? []
      samples.push(mb)
      this.memory.set(pid, samples)
    }
  }

  /** Asked again while PostgreSQL is what is broken. */
  async patiently<T>(ask: () => Promise<T>, otherwise: T): Promise<T> {
    return ask().catch((error: unknown) => {
      if (isDatabaseAway(error)) return otherwise
      throw error
    })
  }

  run(): Promise<Run | undefined> {
    return this.patiently(() => findRun(this.lab.pool, this.#runId), undefined)
  }

  async hasEnded(): Promise<boolean> {
    const run = await this.run()
    return run !== undefined && hasEnded(run.state)
  }

  /** Records with an outcome, as a share of those that the API holds. */
  async landed(): Promise<number> {
    const sql = `select coalesce(sum(bit_count(merged | unchanged | stale | parked | dead)), 0) as n from sync.landings where run_id = $1`
    const { rows } = await this.patiently(() => this.lab.pool.query<{ n: string }>(sql, [this.#runId]), undefined).then(
      (result) => result ?? { rows: [{ n: '0' }] },
    )
    return Number(rows[0]?.n ?? 0) / this.#expected
  }

  /** Waits until so much has landed. Throws when the run ended before: its faults came too late to mean anything. */
  async untilLanded(share: number): Promise<void> {
    await until(
      `${Math.round(share * 100)} % have landed`,
      async () => {
        const hasLanded = (await this.landed()) >= share
        if (await this.hasEnded())
          throw new Error(`The run ended before it was seen that ${Math.round(share * 100)} % had landed`)
        return hasLanded
      },
      FLOWS_WITHIN_MS,
    )
  }

  /** Waits until so much has landed, or all: for a fault that has struck and lasts. */
  async untilLandedOrEnded(share: number): Promise<void> {
    const isThere = async () => (await this.landed()) >= share || (await this.hasEnded())
    await until(`${Math.round(share * 100)} % have landed`, isThere, FLOWS_WITHIN_MS)
  }

  /** SIGKILL, and a page of each range that was being walked is at risk: who held one still does, for as long as its lease lasts. */
  async kill(member: Member): Promise<void> {
    await member.kill()
    const held = `select count(*)::int as n from sync.ranges where run_id = $1 and holder is not null`
    const { rows } = await this.lab.pool.query<{ n: number }>(held, [this.#runId])
    this.pagesAtRisk = (this.pagesAtRisk ?? 0) + (rows[0]?.n ?? 0)
    this.lab.crew.start(member.role)
  }

  async untilEnded(withinMs: number): Promise<void> {
    await until('the run ends', () => this.hasEnded(), withinMs)
    this.endedAt = performance.now()
  }

  async close(): Promise<void> {
    clearInterval(this.#sampler)
    await this.#api?.close()
    await this.simulator.close()
  }
}
