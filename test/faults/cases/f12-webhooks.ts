// F12: deliveries that come several times, in another order, late, forged, and by a receiver that dies, while a full run walks the same
// records: before and after the page that holds them, updates within one second, deletions before a late page.

import { isEqual } from '../../../cli/compare.ts'
import { compareWithModel } from '../../../cli/simulated-model.ts'
import { pause } from '../../../platform/lifecycle.ts'
import type { Manner } from '../../../simulator/webhooks.ts'
import { receiverUrl } from '../../harness/receiver.ts'
import { until } from '../../harness/until.ts'
import type { FaultCase, JudgedRows } from '../case.ts'
import type { Member } from '../crew.ts'
import { manifest } from '../lab.ts'
import type { Scene } from '../scene.ts'

/** Without effects on what no webhook tells of (memberships of households repeat names of people). */
const CHANGED = [
  { entity: 'email', attribute: 'location' },
  { entity: 'phone-number', attribute: 'location' },
  { entity: 'address', attribute: 'city' },
  { entity: 'group', attribute: 'description' },
  { entity: 'group-membership', attribute: 'role' },
] as const
type Changed = (typeof CHANGED)[number]
const DELETED = new Set<string>(['email', 'phone-number', 'address'])

const EVENTS_A_FAULT = 50
const SETTLED_WITHIN_MS = 120_000
const HUGE = Buffer.alloc(5 * 1024 * 1024, 0x20)

const startReceiver = async (scene: Scene, port = '0', env: Record<string, string> = {}): Promise<Member> => {
  const receiver = scene.lab.crew.start('webhooks', { SYNCLINE_WEBHOOKS_PORT: port, ...env })
  await receiverUrl(receiver)
  return receiver
}

const subscribe = async (scene: Scene, receiver: Member): Promise<string> => {
  const url = await receiverUrl(receiver)
  const { code, stderr } = await scene.lab.installation.cli(['webhooks', 'ensure', '--org', scene.org, '--url', url])
  if (code !== 0) throw new Error(`The subscriptions were not made: ${stderr}`)
  return new URL(url).port
}

/** One event, or two within the same second. Ids that were deleted are not picked again. */
const change = (scene: Scene, ids: ReadonlyMap<string, string[]>): void => {
  const { entity, attribute }: Changed = scene.pick(CHANGED)
  const own = ids.get(entity) ?? []
  const at = Math.floor(scene.random() * own.length)
  const id = own[at]
  if (id === undefined) return
  const chance = scene.random()
  if (chance < 0.1 && DELETED.has(entity)) {
    own.splice(at, 1)
    scene.simulator.mutate({ op: 'delete', entity, id })
    return
  }
  const times = chance < 0.3 ? 2 : 1
  for (let n = 0; n < times; n++) {
    scene.simulator.mutate({ op: 'update', entity, id, attributes: { [attribute]: `told ${scene.random()}` } })
  }
}

const idsOf = (scene: Scene): ReadonlyMap<string, string[]> =>
  new Map(CHANGED.map(({ entity }) => [entity, [...scene.simulator.model.rows(entity)].map(({ id }) => id)]))

const flow = async (scene: Scene, events: number, everyMs: number): Promise<void> => {
  const ids = idsOf(scene)
  for (let n = 1; n <= events; n++) {
    change(scene, ids)
    if (n % 5 === 0) await pause(everyMs * 5)
  }
}

const delivered = (scene: Scene) =>
  until('every delivery is answered', () => scene.simulator.webhooks.stats().pending === 0, SETTLED_WITHIN_MS)

/** What was told or asked for last lands after the run has ended: the tables are given the time that any fault has. */
const rows = async (scene: Scene): Promise<JudgedRows> => {
  const end = performance.now() + SETTLED_WITHIN_MS
  for (;;) {
    const differences = await compareWithModel(scene.lab.pool, manifest, scene.owner, scene.simulator.model)
    const wrong = differences.filter((difference) => !isEqual(difference))
    const records = differences.reduce((sum, { found }) => sum + found, 0)
    const { rows: asked } = await scene.lab.pool.query('select from sync.asks where org_id = $1 limit 1', [scene.org])
    if (wrong.length === 0 && asked.length === 0) return { records, tables: undefined }
    if (performance.now() > end)
      return { records, tables: JSON.stringify(wrong.length === 0 ? 'records are still to be asked for' : wrong) }
    await pause(500)
  }
}

/** The receiver refuses what it cannot believe or hold, and goes on. */
const bother = async (port: string): Promise<void> => {
  const send = (path: string, body: Buffer) =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body }).catch(() => undefined)
  const statuses = await Promise.all([send('/webhooks/nobody/pco/abcdefghijklmnopqrstuvwx', HUGE), send('/x', HUGE)])
  if (statuses.some((response) => response?.status === 200)) throw new Error('A body of strangers was taken')
}

const SLOW = { latencyMs: 150, rate: { limit: 40, periodSeconds: 2 } } as const

const mannerOf = (scene: Scene): Manner => {
  const chance = scene.random()
  return {
    copies: chance < 0.3 ? 5 : 1,
    delayMs: chance < 0.6 ? 0 : Math.ceil(scene.random() * 4_000),
    forged: scene.random() < 0.05,
  }
}

const events = (scene: Scene): number => scene.size.faults * EVENTS_A_FAULT

export const webhookCases: readonly FaultCase[] = [
  {
    id: 'F12/disorder',
    ci: { records: 6_000, faults: 20, simulator: SLOW },
    long: { records: 100_000, faults: 2_000 },
    rows,
    strike: async (scene) => {
      const receiver = await startReceiver(scene)
      const port = await subscribe(scene, receiver)
      scene.simulator.webhooks.retryAfter(300)
      scene.simulator.webhooks.script(() => mannerOf(scene))
      await bother(port)
      for (let n = 0; n < scene.size.faults; n++) {
        await flow(scene, EVENTS_A_FAULT, 10)
        scene.struck(`${EVENTS_A_FAULT} events`)
      }
      await delivered(scene)
      scene.healed()
    },
  },
  {
    id: 'F12/kafka-down',
    ci: { records: 4_000, faults: 1, simulator: SLOW },
    long: { records: 20_000, faults: 5 },
    links: { own: ['kafka'] },
    rows,
    strike: async (scene) => {
      const { kafka } = scene.lab.own
      await subscribe(scene, await startReceiver(scene))
      scene.simulator.webhooks.retryAfter(1_000)
      for (let n = 0; n < scene.size.faults; n++) {
        await kafka?.kill()
        scene.struck('Kafka is away while events come')
        await flow(scene, EVENTS_A_FAULT, 20)
        await until('a delivery is put off', () => (scene.simulator.webhooks.stats().attempts['503'] ?? 0) > 0)
        await kafka?.start()
        scene.healed()
      }
      await delivered(scene)
    },
  },
  ...(['crash', 'lost-response'] as const).map(
    (action): FaultCase => ({
      id: `F12/webhook.after-verify/${action}`,
      ci: { records: 2_000, faults: 1, simulator: SLOW },
      long: { records: 20_000, faults: 3 },
      rows,
      strike: async (scene) => {
        const port = await subscribe(scene, await startReceiver(scene))
        scene.simulator.webhooks.retryAfter(300)
        for (let n = 0; n < scene.size.faults; n++) {
          for (const member of scene.lab.crew.of('webhooks')) await member.stop()
          const receiver = await startReceiver(scene, port, { SYNCLINE_FAIL: `webhook.after-verify:${action}:3` })
          await flow(scene, EVENTS_A_FAULT, 5)
          await until('the fault acts', () => receiver.log().includes('"failpoint"'))
          scene.struck(`webhook.after-verify ${action}`)
          if (action === 'crash') {
            await until('the receiver is gone', () => !receiver.isRunning())
            await startReceiver(scene, port)
          }
        }
        await delivered(scene)
        scene.healed()
      },
    }),
  ),
  ...(['ask.after-answer', 'ask.after-send'] as const).map(
    (site): FaultCase => ({
      id: `F12/${site}/crash`,
      ci: { records: 2_000, faults: 1, simulator: SLOW },
      long: { records: 20_000, faults: 1 },
      rows,
      strike: async (scene) => {
        await subscribe(scene, await startReceiver(scene))
        const fetcher = await scene.lab.crew.replace('fetch', { SYNCLINE_FAIL: `${site}:crash:2` })
        await flow(scene, events(scene) * 2, 5)
        await until('the fetcher is gone', () => !fetcher.isRunning())
        scene.struck(`${site} crash`)
        scene.lab.crew.start('fetch')
        await delivered(scene)
        scene.healed()
      },
    }),
  ),
]
