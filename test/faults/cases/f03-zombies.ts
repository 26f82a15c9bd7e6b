// F3: a worker that stops in the middle of its work for longer than its session and its lease, and then goes on as if nothing were.
import type { RoleName } from '../../../cli/role-names.ts'
import type { FailSite } from '../../../platform/failpoints.ts'
import { pause } from '../../../platform/lifecycle.ts'
import type { FaultCase } from '../case.ts'
import { type Held, hasJoined, JOINED, startHeld } from '../held.ts'
import type { Scene } from '../scene.ts'

const SESSION_MS = 15_000

/** A member that will stop at the site, alone in its role: whatever there is to do, it is the one to do it. */
const startAlone = async (scene: Scene, role: RoleName, site: FailSite, nth: number): Promise<Held> => {
  const others = scene.lab.crew.of(role)
  const held = startHeld(scene, role, site, nth)
  await Promise.all(others.map((member) => member.stop()))
  await held.joined()
  return held
}

const caseOf = (role: RoleName, site: FailSite, nth: number): FaultCase => {
  const armed = new WeakMap<Scene, Held>()
  return {
    id: `F3/${site}`,
    ci: { records: 6_000, faults: 1 },
    // A page a second: each fault takes most of a minute, and there is to be work left for the last, but no more than the run may take.
    long: { records: 60_000, faults: 10, simulator: { rate: { limit: 2, periodSeconds: 2 } } },
    members: 1,
    prepare: async (scene) => {
      armed.set(scene, await startAlone(scene, role, site, nth))
      return undefined
    },
    strike: async (scene) => {
      let held = armed.get(scene)
      for (let n = 0; n < scene.size.faults; n++) {
        held ??= await startAlone(scene, role, site, nth)
        await freeze(scene, held)
        held = undefined
      }
    },
  }
}

/** When it stands at the site another joins, so that there is one to take its place. */
const freeze = async (scene: Scene, held: Held): Promise<void> => {
  const { member } = held
  await held.reached()
  await hasJoined(scene.lab.crew.start(member.role))
  if (await scene.hasEnded()) throw new Error('The run ended while a worker stood in the middle of its work')
  member.signal('SIGSTOP')
  const stoppedMs = SESSION_MS * (1.5 + (scene.size.faults > 1 ? 1.5 : 0.2) * scene.random())
  await pause(stoppedMs)
  // Pending until the process goes on, which it then does at the very place where it stood.
  held.release()
  member.signal('SIGCONT')
  scene.struck(`stopped for ${Math.round(stoppedMs / 1000)} s`)
  await held.logged(JOINED)
}

export const zombieCases: readonly FaultCase[] = [
  caseOf('fetch', 'fetch.after-response', 2),
  caseOf('sink', 'sink.after-copy', 3),
  caseOf('sink', 'sink.after-merge', 2),
]
