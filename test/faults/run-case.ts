// One case from its beginning to its verdict, in a lab that is ready.

import { messageOf } from '../../platform/errors.ts'
import type { Dead, FaultCase } from './case.ts'
import { type Findings, judge } from './checks.ts'
import type { Lab } from './lab.ts'
import type { Outcome } from './report.ts'
import { Scene } from './scene.ts'

export interface Settings {
  readonly seed: number
  readonly long: boolean
}

/** After the last fault a run that has not ended by then is called hung. */
/** Of so many records: half of them may come after the last fault. */
const hungAfterMs = (records: number): number => 300_000 + 2 * records

export const runCase = async (lab: Lab, test: FaultCase, { seed, long }: Settings): Promise<Outcome> => {
  const startedAt = performance.now()
  const size = long ? test.long : test.ci
  const scene = await Scene.open(lab, test, size, seed)
  let findings: Findings = { records: 0, wrong: {} }
  let error: string | undefined
  try {
    const dead = await play(scene, test)
    findings = await judge(scene, test, dead)
    if (scene.faults.length < size.faults) error = `only ${scene.faults.length} of ${size.faults} faults struck`
  } catch (thrown) {
    error = messageOf(thrown)
  } finally {
    await scene.close()
  }
  const seconds = (performance.now() - startedAt) / 1000
  const { faults, secondsAfter } = scene
  return { id: test.id, seed, long, faults, seconds, secondsAfter, error, ...findings, logs: lab.crew.logs() }
}

const play = async (scene: Scene, test: FaultCase): Promise<readonly Dead[]> => {
  const dead = (await test.prepare?.(scene)) ?? []
  scene.lab.crew.fill(test.members ?? 1)
  await scene.begin()
  await test.strike(scene)
  await scene.untilEnded(hungAfterMs(scene.size.records))
  return dead
}
