// F4: Kafka is killed and comes back, at once and after half a minute; and it answers later than its clients wait.
import { pause } from '../../../platform/lifecycle.ts'
import type { FaultCase } from '../case.ts'

const killed = (name: string, downMs: number, faults: number): FaultCase => ({
  id: `F4/${name}`,
  ci: { records: 6_000, faults },
  long: { records: 100_000, faults: 10 },
  links: { own: ['kafka'] },
  strike: async (scene) => {
    const { kafka } = scene.lab.own
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.8 * (n + scene.random())) / scene.size.faults)
      await kafka?.kill()
      scene.struck(`SIGKILL, down for ${downMs / 1000} s`)
      await pause(downMs)
      await kafka?.start()
      scene.healed()
    }
  },
})

/** Requests are given up after 15 s; these answers take twice as long. */
const SLOW_MS = [15_500, 18_000] as const
const SLOW_FOR_MS = 40_000

const slow: FaultCase = {
  id: 'F4/slow-acks',
  ci: { records: 6_000, faults: 1 },
  long: { records: 100_000, faults: 5 },
  links: { own: ['kafka'], proxied: ['kafka'] },
  strike: async (scene) => {
    const { kafka } = scene.lab.proxies
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.8 * (n + scene.random())) / scene.size.faults)
      kafka?.delay(...SLOW_MS)
      scene.struck('answers after 31 to 36 s')
      await pause(SLOW_FOR_MS)
      kafka?.mend()
      scene.healed()
    }
  },
}

export const kafkaCases: readonly FaultCase[] = [killed('restart', 0, 2), killed('down-30s', 30_000, 1), slow]
