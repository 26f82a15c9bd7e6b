// F9: the vendor answers wrongly, in every way that HTTP and JSON know.
import { TAMPERINGS, type TamperingName } from '../../../simulator/tampering.ts'
import { until } from '../../harness/until.ts'
import type { FaultCase } from '../case.ts'
import type { Scene } from '../scene.ts'

// Not tried again, because it will not get better: the run fails, and names it.
const FINAL = ['redirect'] as const satisfies readonly TamperingName[]

// The tables know these by name.
const NAMES = Object.keys(TAMPERINGS) as readonly TamperingName[]

const PASSED_ON_WITHIN_MS = 120_000

/** One more answer goes wrong, and the one before has. */
const tamper = async (scene: Scene, name: TamperingName): Promise<void> => {
  const { simulator } = scene
  simulator.tamper(name)
  await until(
    `${name} is answered`,
    async () => {
      if (simulator.tampering().length === 0) return true
      if (await scene.hasEnded()) throw new Error(`The run ended before ${name} was answered`)
      return false
    },
    PASSED_ON_WITHIN_MS,
  )
  scene.struck(name)
}

/** A seeded order: neighbours are different from run to run. */
const shuffled = (scene: Scene, names: readonly TamperingName[]): TamperingName[] =>
  names
    .map((name) => ({ name, at: scene.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ name }) => name)

const lasting = NAMES.filter((name) => !FINAL.some((final) => final === name))

const eachOnce: FaultCase = {
  id: 'F9/each-once',
  ci: { records: 12_000, faults: lasting.length },
  long: { records: 1_000_000, faults: 500 },
  // Enough requests for all of them, far enough from each other.
  simulator: { latencyMs: 60 },
  strike: async (scene) => {
    const names = shuffled(scene, lasting)
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.5 * n) / scene.size.faults)
      await tamper(scene, names[n % names.length] ?? 'error-500')
    }
  },
}

const final = (name: TamperingName): FaultCase => ({
  id: `F9/${name}`,
  ci: { records: 2_000, faults: 1 },
  long: { records: 20_000, faults: 1 },
  ends: 'failed',
  strike: async (scene) => {
    await scene.untilLanded(0.1)
    await tamper(scene, name)
  },
})

export const apiCases: readonly FaultCase[] = [eachOnce, ...FINAL.map(final)]
