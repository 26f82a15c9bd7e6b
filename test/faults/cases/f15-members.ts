// F15: members join and leave every group, again and again, in good order, while records flow.
import type { RoleName } from '../../../cli/role-names.ts'
import { pause } from '../../../platform/lifecycle.ts'
import type { FaultCase } from '../case.ts'
import { JOINED } from '../held.ts'
import type { Scene } from '../scene.ts'

const GROUPS = ['fetch', 'process', 'sink'] as const satisfies readonly RoleName[]
const EVERY_MS = 5_000

/** One joins, or one that has joined leaves, as long as there are others. */
const change = async (scene: Scene, role: RoleName): Promise<void> => {
  const { crew } = scene.lab
  const members = crew.of(role).filter((member) => member.log().includes(JOINED))
  const leaves = members.length > 2 || (members.length === 2 && scene.random() < 0.5)
  if (!leaves) crew.start(role)
  const code = leaves ? await scene.pick(members).stop() : 0
  if (code !== 0) throw new Error(`A member of ${role} left with exit code ${code}`)
  scene.struck(`${role} ${leaves ? 'leaves' : 'joins'}`)
}

export const memberCases: readonly FaultCase[] = [
  {
    id: 'F15/join-and-leave',
    ci: { records: 8_000, faults: 12 },
    long: { records: 100_000, faults: 102 },
    members: 2,
    // Slow enough for the run to see all of them.
    simulator: { latencyMs: 600 },
    strike: async (scene) => {
      await scene.untilLanded(0.02)
      while (scene.faults.length < scene.size.faults) {
        await Promise.all(GROUPS.map((role) => change(scene, role)))
        await pause(EVERY_MS)
        if (await scene.hasEnded()) return
      }
    },
  },
]
