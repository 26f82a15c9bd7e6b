// F17: rows that are gone, rows that the list only leaves out, and people who were merged, while each role is killed in turn. The run
// that is judged is a reconciliation; what must be left is what the API has.
import { ROLE_NAMES } from '../../../cli/role-names.ts'
import type { FaultCase } from '../case.ts'
import type { Scene } from '../scene.ts'

const ENDS_WITHIN_MS = 600_000
/** Of each kind; together with what goes along with them fewer than need an approval. */
const ROWS = 4

/** Every one another, so that none is changed twice. */
const people = (scene: Scene): readonly string[] => {
  const ids = [...scene.simulator.model.rows('person')].map(({ id }) => id)
  const first = Math.floor(scene.random() * (ids.length - 4 * ROWS))
  return ids.slice(first, first + 4 * ROWS)
}

const change = (scene: Scene): void => {
  const ids = people(scene)
  for (let n = 0; n < ROWS; n++) {
    const [gone = '', hidden = '', merged = '', kept = ''] = ids.slice(4 * n)
    scene.simulator.mutate(
      { op: 'delete', entity: 'person', id: gone },
      { op: 'hide', entity: 'person', id: hidden },
      { op: 'merge', entity: 'person', id: merged, into: kept },
    )
  }
}

export const reconcileCase: FaultCase = {
  id: 'F17/reconcile',
  ci: { records: 3_000, faults: 4 },
  long: { records: 50_000, faults: 4 },
  members: 2,
  strike: async (scene) => {
    await scene.untilEnded(ENDS_WITHIN_MS)
    change(scene)
    await scene.beginRun('reconcile')
    for (const [n, role] of ROLE_NAMES.entries()) {
      await scene.untilLanded(0.15 + 0.2 * n)
      await scene.lab.crew.kill(scene.pick(scene.lab.crew.of(role)))
      scene.struck(role)
    }
  },
}
