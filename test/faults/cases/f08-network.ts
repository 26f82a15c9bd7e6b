// F8: the network of each link, spoilt in each way, while records flow.
import { pause } from '../../../platform/lifecycle.ts'
import type { TcpProxy } from '../../harness/proxy.ts'
import type { FaultCase } from '../case.ts'
import type { LinkName } from '../links.ts'
import type { Scene } from '../scene.ts'

const LINKS = ['kafka', 'schemaRegistry', 'postgres', 'redis', 'api'] as const satisfies readonly LinkName[]

interface Way {
  readonly spoil: (link: TcpProxy) => void
  /** Something passes: it lasts until much has landed. Else it lasts for a time, longer each time. */
  readonly passes?: true
}

const WAYS = {
  cut: { spoil: (link) => link.cut() },
  'half-open': { spoil: (link) => link.swallow() },
  reset: { spoil: (link) => link.reset() },
  jitter: { spoil: (link) => link.delay(0, 400), passes: true },
  sliced: { spoil: (link) => link.slice(100), passes: true },
  narrow: { spoil: (link) => link.narrow(300_000), passes: true },
} as const satisfies Readonly<Record<string, Way>>
type WayName = keyof typeof WAYS

const LASTS_MS = [5_000, 30_000, 90_000]

/** Every link and every way is there once; the others are run on demand. */
const IN_CI: ReadonlySet<string> = new Set<`${LinkName}/${WayName}`>([
  'kafka/cut',
  'postgres/half-open',
  'redis/reset',
  'schemaRegistry/sliced',
  'api/jitter',
  'postgres/narrow',
])

const caseOf = (link: LinkName, name: WayName): FaultCase => {
  const { spoil, passes }: Way = WAYS[name]
  const cell = `${link}/${name}`
  return {
    id: `F8/${cell}`,
    ci: { records: 6_000, faults: 1 },
    long: { records: 100_000, faults: passes ? 1 : LASTS_MS.length },
    ...(!IN_CI.has(cell) && { longOnly: true }),
    // A broker says where it is reached: behind a proxy it must be one of its own.
    links: { proxied: [link], ...(link === 'kafka' && { own: ['kafka'] }) },
    strike: async (scene) => {
      for (const [n, lastsMs] of LASTS_MS.slice(0, scene.size.faults).entries()) {
        const share = (0.6 * (n + scene.random())) / scene.size.faults
        await scene.untilLanded(share)
        spoil(scene.proxy(link))
        scene.struck(`${cell} at ${Math.round(share * 100)} %`)
        if (link === 'schemaRegistry') await forgetSchemas(scene)
        await (passes ? scene.untilLandedOrEnded(share + 0.3) : pause(lastsMs))
        scene.proxy(link).mend()
        scene.healed()
      }
    },
  }
}

/** The registry is asked once for each schema: only new processes ask again. */
const forgetSchemas = async ({ lab: { crew } }: Scene): Promise<void> => {
  await Promise.all([...crew.of('process'), ...crew.of('sink')].map((member) => crew.kill(member)))
}

// The table knows these by name.
const wayNames = Object.keys(WAYS) as readonly WayName[]

export const networkCases: readonly FaultCase[] = LINKS.flatMap((link) => wayNames.map((name) => caseOf(link, name)))
