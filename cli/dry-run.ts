// `syncline sync --dry-run`: what a run would read, by the plan that its orchestrator would make. Asks the API for nothing, changes nothing.
import { adapterByName } from '../adapters/index.ts'
import type { NewRun } from '../ledger/runs.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import { planAsked } from '../orchestrator/planning.ts'
import { requireSettings } from '../platform/config.ts'
import { type Column, renderColumns } from './columns.ts'
import { readText } from './run-lines.ts'
import type { Runtime } from './runtime.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'
import { count } from './words.ts'

const COLUMNS: readonly Column<EntityPlan>[] = [
  { title: 'ENTITY', cell: ({ entity }) => entity },
  { title: 'TIER', cell: ({ tier }) => tier, keep: 1 },
  { title: 'READS', cell: (plan) => readText(plan) || 'everything', min: 20 },
]

const planLine = ({ entity, tier, carrier, changes, why }: EntityPlan) => ({
  type: 'planned-entity',
  entity,
  tier,
  carrier,
  since: changes?.since ?? null,
  ...(why === null ? {} : { why }),
})

/** Throws SynclineError('usage') when the run would read nothing. */
export const planOf = ({ config, pool }: Runtime, asked: NewRun): Promise<readonly EntityPlan[]> => {
  const lookBackMs = Number(requireSettings(config, 'deltaLookBackSeconds').deltaLookBackSeconds) * 1_000
  const { manifest } = adapterByName(asked.adapter)
  const { changedSince = null, approves = null } = asked
  return planAsked({ client: pool, manifest, lookBackMs }, { ...asked, changedSince, approves })
}

export const showPlan = (asked: NewRun, plan: readonly EntityPlan[], { json }: { readonly json?: boolean }): void => {
  if (json) for (const entity of plan) printJson(planLine(entity))
  else print(renderColumns(COLUMNS, plan, { width: stdoutWidth() }).join('\n'))
  say(
    `A ${asked.strategy} run of ${asked.orgId}/${asked.source} would read ${count(plan.length, 'entity', 'entities')}. Nothing was begun.`,
  )
}
