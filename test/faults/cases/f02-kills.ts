// F2: SIGKILL of a role at random while records flow, two of each running.
import { ROLE_NAMES, type RoleName } from '../../../cli/role-names.ts'
import type { FaultCase } from '../case.ts'

const caseOf = (role: RoleName): FaultCase => ({
  id: `F2/${role}`,
  ci: { records: 20_000, faults: 3 },
  long: { records: 500_000, faults: 50 },
  members: 2,
  strike: async (scene) => {
    const { crew } = scene.lab
    const { faults } = scene.size
    for (let n = 0; n < faults; n++) {
      const share = 0.05 + ((faults > 3 ? 0.9 : 0.8) * (n + scene.random())) / faults
      await scene.untilLanded(share)
      await scene.kill(scene.pick(crew.of(role)))
      scene.struck(`${role} at ${Math.round(share * 100)} %`)
    }
  },
})

export const killCases: readonly FaultCase[] = ROLE_NAMES.map(caseOf)
