// Which run a command means: by its id, or the active one of an organisation. A wrong id is answered with the nearest and the newest.
import { findRun, listRuns, type Run } from '../ledger/runs.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Pool } from '../platform/postgres.ts'
import { editDistance } from '../platform/suggest.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import type { Runtime } from './runtime.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const NAMED = 3
const MAX_TYPOS = 3

/** Throws SynclineError('usage') naming the nearest id, or the newest runs. */
export const requireRun = async ({ pool }: Runtime, runId: string): Promise<Run> => {
  const found = UUID.test(runId) ? await findRun(pool, runId.toLowerCase()) : undefined
  if (found !== undefined) return found
  throw new SynclineError('usage', `There is no run '${runId}'.`, { remedy: await remedyFor(pool, runId) })
}

const remedyFor = async (pool: Pool, runId: string): Promise<string> => {
  const runs = await listRuns(pool, { limit: 50 })
  if (runs.length === 0) return 'There are no runs yet. Ask for one with: syncline sync --org ID'
  const near = runs.find((run) => editDistance(run.runId, runId.toLowerCase()) <= MAX_TYPOS)
  return near === undefined ? `The newest are: ${runs.slice(0, NAMED).map(nameOf).join('; ')}.` : `Did you mean ${nameOf(near)}?`
}

const nameOf = (run: Run): string => `${run.runId} (${run.orgId}/${run.source}, ${run.state})`

export interface RunChoice {
  readonly run?: string
  readonly org?: string
  readonly source?: string | undefined
}

/** Throws SynclineError('usage') unless it is one of both. */
export const requireRunOrOrg = async (runtime: Runtime, { run, org }: RunChoice): Promise<void> => {
  if ((run === undefined) !== (org === undefined)) return
  const active = await listRuns(runtime.pool, { active: true, limit: NAMED })
  const remedy = active.length === 0 ? 'No run is active. See: syncline runs' : `Active: ${active.map(nameOf).join('; ')}.`
  throw new SynclineError('usage', 'Name one run with --run ID, or an organisation with --org ID.', { remedy })
}

/** The run of --run, or the active run of --org. Throws SynclineError('usage') when that is none or several. */
export const chooseRun = async (runtime: Runtime, choice: RunChoice): Promise<Run> => {
  await requireRunOrOrg(runtime, choice)
  return choice.run === undefined ? activeRunOf(runtime, choice.org ?? '', choice.source) : requireRun(runtime, choice.run)
}

const MAX_ACTIVE = 1_000

/** All runs of the sources (of one organisation) that have not ended. */
export const activeRunsOf = async (
  { pool }: Runtime,
  sources: readonly { readonly orgId: string; readonly source: string }[],
): Promise<readonly Run[]> => {
  const [first] = sources
  const active = first === undefined ? [] : await listRuns(pool, { orgId: first.orgId, active: true, limit: MAX_ACTIVE })
  return active.filter((run) => sources.some(({ source }) => source === run.source))
}

const activeRunOf = async (runtime: Runtime, orgId: string, source: string | undefined): Promise<Run> => {
  const own = await requireOrg(runtime, orgId)
  if (source !== undefined) chooseConnection(own, { org: orgId, source })
  const filter = { orgId, active: true, limit: 2, ...(source === undefined ? {} : { source }) }
  const [only, another] = await listRuns(runtime.pool, filter)
  if (only !== undefined && another === undefined) return only
  if (only === undefined || another === undefined) {
    const of = source === undefined ? orgId : `${orgId}/${source}`
    throw new SynclineError('usage', `${of} has no active run.`, { remedy: `See its runs with: syncline runs --org ${orgId}` })
  }
  throw new SynclineError('usage', `${orgId} has several active runs.`, {
    remedy: `Name one with --run or --source: ${nameOf(only)}; ${nameOf(another)}.`,
  })
}
