// F5: PostgreSQL stops at once, and backends are terminated, in the middle of a COPY and between merge and COMMIT.
import type { FailSite } from '../../../platform/failpoints.ts'
import { pause } from '../../../platform/lifecycle.ts'
import type { FaultCase } from '../case.ts'
import { type Held, startHeld } from '../held.ts'
import type { Scene } from '../scene.ts'

const TERMINATE = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()`

const terminated = (site: FailSite): FaultCase => {
  const armed = new WeakMap<Scene, Held>()
  return {
    id: `F5/terminated/${site}`,
    ci: { records: 6_000, faults: 1 },
    long: { records: 100_000, faults: 20 },
    prepare: async (scene) => {
      await Promise.all(scene.lab.crew.of('sink').map((member) => member.stop()))
      armed.set(scene, startHeld(scene, 'sink', site, 3))
      return undefined
    },
    strike: async (scene) => {
      const held = armed.get(scene)
      await held?.reached()
      await scene.lab.pool.query(TERMINATE)
      scene.struck(`terminated at ${site}`)
      held?.release()
      for (let n = 1; n < scene.size.faults; n++) {
        await scene.untilLanded((0.9 * n) / scene.size.faults)
        await scene.lab.pool.query(TERMINATE)
        scene.struck('terminated')
      }
    },
  }
}

const immediate: FaultCase = {
  id: 'F5/immediate-stop',
  ci: { records: 6_000, faults: 2 },
  long: { records: 100_000, faults: 20 },
  links: { own: ['postgres'] },
  strike: async (scene) => {
    const { postgres } = scene.lab.own
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.8 * (n + scene.random())) / scene.size.faults)
      // As "pg_ctl stop -m immediate": no check-point, no goodbye; the next start recovers from the log.
      await postgres?.kill('SIGQUIT')
      scene.struck('PostgreSQL stopped')
      await pause(3_000)
      await postgres?.start()
      scene.healed()
    }
  },
}

export const postgresCases: readonly FaultCase[] = [terminated('sink.after-copy'), terminated('sink.after-merge'), immediate]
