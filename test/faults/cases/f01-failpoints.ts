// F1: every failpoint, once as a crash and once as an answer that was lost.
import type { RoleName } from '../../../cli/role-names.ts'
import { FAIL_SITES, type FailAction, type FailSite } from '../../../platform/failpoints.ts'
import { until } from '../../harness/until.ts'
import type { FaultCase } from '../case.ts'
import type { Member } from '../crew.ts'
import type { Scene } from '../scene.ts'

const ACTIONS = ['crash', 'lost-response'] as const satisfies readonly FailAction[]

// Sites that a full sync does not come to: F10, F12 and test/services/reconcile-kills, keys and forget have them.
type ReachedSite = Exclude<
  FailSite,
  'orchestrate.after-reconcile' | `${'webhook' | 'ask' | 'token' | 'keys' | 'forget'}.${string}`
>
const isReached = (site: FailSite): site is ReachedSite => site in NTH

// Sites after which nothing is done that could be lost: a crash is all that can happen there.
const CRASH_ONLY = new Set<FailSite>(['fetch.before-successor', 'orchestrate.after-plan', 'orchestrate.before-emit'])

// The nth time that a site is reached: in the middle of the run, where it is reached more than once.
const NTH: Readonly<Record<ReachedSite, number>> = {
  'fetch.before-response': 10,
  'fetch.after-response': 10,
  'fetch.after-raw': 10,
  'fetch.after-receipt': 10,
  'fetch.before-successor': 1,
  'fetch.after-successor': 1,
  'process.after-send': 2,
  'sink.after-copy': 5,
  'sink.after-merge': 3,
  'sink.after-commit': 3,
  'orchestrate.after-plan': 1,
  'orchestrate.before-emit': 2,
  'orchestrate.after-emit': 2,
  'orchestrate.after-close': 2,
}

const REACHED_WITHIN_MS = 180_000

const roleOf = (site: ReachedSite): RoleName => {
  const [role = ''] = site.split('.')
  // Sites are named by the roles that they are in.
  return role as RoleName
}

const caseOf = (site: ReachedSite, action: (typeof ACTIONS)[number]): FaultCase => {
  const role = roleOf(site)
  const armed = new WeakMap<Scene, Member>()
  return {
    id: `F1/${site}/${action}`,
    ci: { records: 2_000, faults: 1 },
    long: { records: 20_000, faults: 1 },
    // A vendor so slow that a slice ends by time, before it has its pages.
    ...(site.endsWith('-successor') && { simulator: { latencyMs: 1_300 } }),
    prepare: async (scene) => {
      armed.set(scene, await scene.lab.crew.replace(role, { SYNCLINE_FAIL: `${site}:${action}:${NTH[site]}` }))
      return undefined
    },
    strike: async (scene) => {
      const member = armed.get(scene)
      await until(`${site} is reached`, () => member?.log().includes('"msg":"failpoint"') ?? false, REACHED_WITHIN_MS)
      scene.struck(`${site} ${action}`)
      if (action !== 'crash') return
      await until('the process is gone', () => !member?.isRunning())
      scene.lab.crew.start(role)
    },
  }
}

export const failpointCases: readonly FaultCase[] = FAIL_SITES.filter(isReached).flatMap((site) =>
  ACTIONS.filter((action) => action === 'crash' || !CRASH_ONLY.has(site)).map((action) => caseOf(site, action)),
)
