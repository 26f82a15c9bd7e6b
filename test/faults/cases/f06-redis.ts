// F6: Redis is killed and comes back empty; and it is slow. Without it there are no permits, and the limit holds (M5).
import { pause } from '../../../platform/lifecycle.ts'
import type { FaultCase } from '../case.ts'

/** The limit is what the work waits for, and nothing else. */
const LIMITED = { rate: { limit: 20, periodSeconds: 2 }, latencyMs: 15 }

const killed: FaultCase = {
  id: 'F6/killed',
  ci: { records: 4_000, faults: 2 },
  long: { records: 100_000, faults: 10 },
  links: { own: ['redis'] },
  simulator: LIMITED,
  // A Redis without memory stays closed for a period and a request's time-out: those of this vendor, not the adapter's 20 s.
  rateLimit: '20/2',
  strike: async (scene) => {
    const { redis } = scene.lab.own
    for (let n = 0; n < scene.size.faults; n++) {
      // Late: for half a minute after each there are no permits, because nobody knows what was sent before.
      await scene.untilLanded((0.8 * (n + scene.random())) / scene.size.faults)
      await redis?.kill()
      scene.struck('killed')
      await pause(500 + 1_500 * scene.random())
      await redis?.start()
      scene.healed()
    }
  },
}

const slow: FaultCase = {
  id: 'F6/slow',
  ci: { records: 2_000, faults: 1 },
  long: { records: 20_000, faults: 5 },
  links: { proxied: ['redis'] },
  simulator: LIMITED,
  strike: async (scene) => {
    const { redis } = scene.lab.proxies
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.5 * (n + scene.random())) / scene.size.faults)
      redis?.delay(900, 1_100)
      scene.struck('answers after 2 s')
      await pause(8_000)
      redis?.mend()
      scene.healed()
    }
  },
}

export const redisCases: readonly FaultCase[] = [killed, slow]
