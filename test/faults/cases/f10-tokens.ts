// F10: access tokens expire and are refused, refreshes fail, are lost, and are asked for by many at once; the app is removed; clocks differ.
import { ROLE_NAMES } from '../../../cli/role-names.ts'
import type { FailAction, FailSite } from '../../../platform/failpoints.ts'
import { silentLogger } from '../../../platform/logger.ts'
import { createStoredTokens } from '../../../producers/stored-tokens.ts'
import type { SimulatorOptions } from '../../../simulator/simulator.ts'
import { pcoOAuth } from '../../harness/consent.ts'
import { until } from '../../harness/until.ts'
import type { FaultCase, Size } from '../case.ts'
import type { Scene } from '../scene.ts'
import { clockWrongBy } from './f14-clocks.ts'

/** So slow that there is something to do while tokens come and go. */
const SLOW: Partial<SimulatorOptions> = { latencyMs: 120 }
const PASSED_WITHIN_MS = 120_000

const sizes = (faults: number): { ci: Size; long: Size } => ({
  ci: { records: 8_000, faults },
  // Fifty times; each with enough to flow in between.
  long: { records: 100_000, faults: 50 * faults },
})

/** Strikes all along the run, and waits each time until it had its effect. */
const alongTheRun =
  (what: string, strike: (scene: Scene) => void, isPassed: (scene: Scene, before: number) => boolean) =>
  async (scene: Scene): Promise<void> => {
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.6 * (n + scene.random())) / scene.size.faults)
      const before = scene.simulator.oauth.stats().refreshes
      strike(scene)
      scene.struck(what)
      const passed = async () => {
        if (isPassed(scene, before)) return true
        if (await scene.hasEnded()) throw new Error(`The run ended before ${what} had an effect`)
        return false
      }
      await until(`${what} has passed`, passed, PASSED_WITHIN_MS)
      scene.healed()
    }
  }

const isRefreshed = ({ simulator }: Scene, before: number): boolean => simulator.oauth.stats().refreshes > before

const expiry: FaultCase = {
  id: 'F10/expiry',
  ...sizes(4),
  oauth: true,
  simulator: SLOW,
  // Requests under way are answered with 401, and the pages asked for again.
  strike: alongTheRun('all access tokens expire', ({ simulator }) => simulator.oauth.expire(), isRefreshed),
}

const refused: FaultCase = {
  id: 'F10/one-401',
  ...sizes(4),
  oauth: true,
  simulator: SLOW,
  strike: alongTheRun('one 401', ({ simulator }) => simulator.oauth.refuseNext(1), isRefreshed),
}

const failing = (id: string, fault: 'error-500' | 'dropped', times: number): FaultCase => ({
  id,
  ...sizes(3),
  oauth: true,
  simulator: SLOW,
  strike: alongTheRun(
    `${times} refreshes: ${fault}`,
    ({ simulator }) => {
      simulator.oauth.fail(fault, times)
      simulator.oauth.expire()
    },
    isRefreshed,
  ),
})

/** Until the run waits for somebody to consent; then somebody does, and it must go on by itself. */
const reconnect = async (scene: Scene): Promise<void> => {
  const isPaused = async () => {
    const run = await scene.run()
    if (await scene.hasEnded()) throw new Error('The run ended without waiting for the connection to be authorised again')
    return run?.state === 'paused' && run.errorCode === 'auth'
  }
  await until('the run is paused', isPaused, PASSED_WITHIN_MS)
  await scene.connect()
  scene.healed()
}

const givenUp = (id: string, strike: (scene: Scene) => void): FaultCase => ({
  id,
  ...sizes(2),
  oauth: true,
  simulator: SLOW,
  strike: async (scene) => {
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.5 * (n + scene.random())) / scene.size.faults)
      strike(scene)
      scene.struck(id)
      await reconnect(scene)
    }
  },
})

const AT_ONCE = 20

/** Each as a process of its own would. */
const prepareAll = async (scene: Scene): Promise<void> => {
  const { lab, simulator, keys: ring } = scene
  const deps = { pool: lab.pool, ring, log: silentLogger, adapter: 'pco', oauth: pcoOAuth, baseUrl: simulator.url }
  await Promise.all(Array.from({ length: AT_ONCE }, () => createStoredTokens(deps, scene.owner).prepare()))
}

const atOnce: FaultCase = {
  id: 'F10/twenty-at-once',
  ...sizes(3),
  members: 2,
  oauth: true,
  simulator: SLOW,
  strike: async (scene) => {
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.6 * (n + scene.random())) / scene.size.faults)
      const before = scene.simulator.oauth.stats().refreshes
      await scene.lab.pool.query('update sync.tokens set refresh_at = now(), expires_at = now() where org_id = $1', [scene.org])
      scene.simulator.oauth.expire()
      scene.struck('twenty refresh at once, beside the workers')
      await prepareAll(scene)
      const made = scene.simulator.oauth.stats().refreshes - before
      if (made !== 1) throw new Error(`${made} refreshes were made for one expired token`)
    }
  },
}

const MINUTES_10_MS = 600_000

/** Tokens of two seconds: what either clock says must not matter. */
const clocks = (id: string, vendorAheadMs: number): FaultCase => ({
  id,
  ...sizes(1),
  oauth: true,
  simulator: { ...SLOW, oauth: { accessTokenSeconds: 2, clockAheadMs: vendorAheadMs } },
  prepare: async (scene) => {
    for (const role of ROLE_NAMES) scene.lab.crew.start(role, { NODE_OPTIONS: clockWrongBy(-vendorAheadMs) })
    scene.struck(id)
    return undefined
  },
  strike: async (scene) => {
    await until('two refreshes', () => scene.simulator.oauth.stats().refreshes >= 2, PASSED_WITHIN_MS)
    const { refused } = scene.simulator.oauth.stats()
    if (refused > 0) throw new Error(`${refused} requests for tokens were refused`)
  },
})

/** The one who refreshes fails at this point. With the new pair in a dead process, somebody has to consent again. */
const failpoint = (site: FailSite, action: FailAction): FaultCase => {
  const isLost = site === 'token.after-answer'
  return {
    id: `F10/${site}/${action}`,
    ci: { records: 4_000, faults: 1 },
    long: { records: 20_000, faults: 1 },
    oauth: true,
    simulator: SLOW,
    ...(isLost && { usedAgain: 1 }),
    prepare: async (scene) => {
      await scene.lab.crew.replace('fetch', { SYNCLINE_FAIL: `${site}:${action}` })
      return undefined
    },
    strike: async (scene) => {
      const [armed] = scene.lab.crew.of('fetch')
      await scene.untilLanded(0.1)
      scene.simulator.oauth.expire()
      await until(`${site} is reached`, () => armed?.log().includes('"msg":"failpoint"') ?? false, PASSED_WITHIN_MS)
      scene.struck(`${site} ${action}`)
      if (action === 'crash') {
        await until('the process is gone', () => !armed?.isRunning())
        scene.lab.crew.start('fetch')
      }
      if (isLost) await reconnect(scene)
    },
  }
}

export const tokenCases: readonly FaultCase[] = [
  expiry,
  refused,
  failing('F10/refresh-500', 'error-500', 3),
  failing('F10/refresh-not-carried-out', 'dropped', 1),
  givenUp('F10/refresh-answer-lost', ({ simulator }) => {
    simulator.oauth.fail('lost')
    simulator.oauth.expire()
  }),
  givenUp('F10/revoked', ({ simulator }) => simulator.oauth.revoke()),
  atOnce,
  clocks('F10/vendor-ahead', MINUTES_10_MS),
  clocks('F10/vendor-behind', -MINUTES_10_MS),
  ...(['token.after-answer', 'token.after-save'] as const).flatMap((site) =>
    (['crash', 'lost-response'] as const).map((action) => failpoint(site, action)),
  ),
]
