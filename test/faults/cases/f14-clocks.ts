// F14: the clocks of the workers are wrong, each in its own way.
import { ROLE_NAMES } from '../../../cli/role-names.ts'
import type { FaultCase } from '../case.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** To be loaded before the program: its clock is wrong by so much. */
export const clockWrongBy = (ms: number): string => {
  const source = `
    const True = Date
    globalThis.Date = class Date extends True {
      constructor(...parts) { parts.length === 0 ? super(True.now() + ${ms}) : super(...parts) }
      static now() { return True.now() + ${ms} }
    }`
  return `--import=data:text/javascript,${encodeURIComponent(source)}`
}

export const clocks: FaultCase = {
  id: 'F14/clocks',
  ci: { records: 6_000, faults: 1 },
  long: { records: 100_000, faults: 1 },
  members: 2,
  // Of each role one is ahead and one behind.
  prepare: async (scene) => {
    for (const role of ROLE_NAMES)
      for (const sign of [1, -1]) scene.lab.crew.start(role, { NODE_OPTIONS: clockWrongBy(sign * (HOUR_MS + MINUTE_MS)) })
    scene.struck('clocks an hour ahead and an hour behind')
    return undefined
  },
  strike: (scene) => scene.untilLanded(0.5),
}
