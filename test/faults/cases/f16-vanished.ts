// F16: records vanish from a topic, as by retention, after they were accepted and before they were used. What is open is found by
// the ledger, produced or fetched again, and the run ends complete.
import type { RoleName } from '../../../cli/role-names.ts'
import { canonicalEntities } from '../../../topics/canonical.ts'
import { type Topics, topicsWithPrefix } from '../../../topics/list.ts'
import { openTopicRecords, type TopicRecords } from '../../harness/topic-records.ts'
import { until } from '../../harness/until.ts'
import type { FaultCase } from '../case.ts'
import type { Scene } from '../scene.ts'

interface Vanishing {
  readonly id: string
  /** Who is away while records wait for it. */
  readonly role: RoleName & ('process' | 'sink')
  readonly topics: (topics: Topics) => readonly string[]
  /** How the log tells that a page was mended. */
  readonly healed: string
}

const VANISHINGS: readonly Vanishing[] = [
  {
    id: 'F16/raw-pages',
    role: 'process',
    topics: (topics) => [topics.raw('pco')],
    healed: 'page vanished, to be fetched again',
  },
  {
    id: 'F16/canonical-records',
    role: 'sink',
    topics: (topics) => canonicalEntities.map(({ entity }) => topics.canonical(entity)),
    healed: 'page vanished, produced again',
  },
]

const WAITS_WITHIN_MS = 60_000
/** A page is looked at when it has been open for 15 s; a group that nobody left properly is given up after as many. */
const HEALS_WITHIN_MS = 120_000

const healings = (scene: Scene, text: string): number =>
  scene.lab.crew.of('orchestrate').reduce((sum, member) => sum + member.log().split(`"msg":"${text}"`).length - 1, 0)

/** The role leaves in good order, records come that wait for it, they vanish, and it comes back. */
const vanish = async (scene: Scene, records: TopicRecords, { role, topics, healed }: Vanishing): Promise<void> => {
  const { crew, installation } = scene.lab
  const all = topicsWithPrefix(installation.prefix)
  const names = topics(all)
  const waiting = async (topic: string) => (await records.produced(topic)) > (await records.committed(all.group(role), topic))
  await Promise.all(crew.of(role).map((member) => member.stop()))
  let full: readonly string[] = []
  await until(
    `records wait for a ${role} worker`,
    async () => {
      const isWaiting = await Promise.all(names.map(waiting))
      full = names.filter((_, index) => isWaiting[index])
      return full.length > 0
    },
    WAITS_WITHIN_MS,
  )
  const before = healings(scene, healed)
  for (const topic of full) await records.empty(topic)
  scene.struck(`${full.length} topics emptied`)
  crew.start(role)
  await until('a page is healed', () => healings(scene, healed) > before, HEALS_WITHIN_MS)
}

const caseOf = (vanishing: Vanishing): FaultCase => ({
  id: vanishing.id,
  ci: { records: 4_000, faults: 1 },
  long: { records: 400_000, faults: 10 },
  strike: async (scene) => {
    const records = await openTopicRecords(scene.lab.installation.env['SYNCLINE_KAFKA_BROKERS'] ?? '')
    try {
      for (let n = 0; n < scene.size.faults; n++) {
        await scene.untilLanded((0.6 * (n + scene.random())) / scene.size.faults)
        await vanish(scene, records, vanishing)
      }
    } finally {
      await records.close()
    }
  },
})

export const vanishedCases: readonly FaultCase[] = VANISHINGS.map(caseOf)
