// What was wrong at the end of the soak, organisation by organisation and as a whole; nothing, when all went well.
import { hasEnded } from '../../ledger/runs.ts'
import { limit, memory, secrets, versions } from '../faults/checks.ts'
import type { Lab } from '../faults/lab.ts'
import type { Church } from './church.ts'

/** A vendor takes these for an answer; any other to a delivery of its own is a refusal, and `none` a receiver that was dead. */
const ANSWERS = new Set(['200', 'none', '503'])

const deliveries = ({ simulator }: Church): string | undefined => {
  const { delivered, pending, attempts } = simulator.webhooks.stats()
  const odd = Object.keys(attempts).filter((status) => !ANSWERS.has(status))
  if (odd.length > 0) return `deliveries were answered with ${odd.join(', ')}`
  if (pending > 0) return `${pending} deliveries were never taken`
  return delivered > 0 ? undefined : 'no delivery came'
}

/** Who was killed with a pair that it had just received cannot say so: the old token is tried once, and somebody consents again. */
const tokens = ({ simulator, byOAuth, consents }: Church): string | undefined => {
  const { usedAgain, refreshes } = simulator.oauth.stats()
  if (usedAgain > consents)
    return `${usedAgain} refresh tokens were used after their successor was received, ${consents} consents`
  return byOAuth && refreshes === 0 ? 'its tokens were never refreshed' : undefined
}

const runs = async (church: Church): Promise<readonly string[]> => {
  const all = await church.runs()
  const [last] = all
  return [
    ...(all.length > 1 ? [] : ['no schedule of it fired']),
    ...(last?.state === 'complete' ? [] : [`its last run is ${last?.state}: ${last?.reason}`]),
    ...all.flatMap((run) => (run.state === 'failed' ? [`run ${run.runId} failed: ${run.reason}`] : [])),
    ...(all.every((run) => hasEnded(run.state)) ? [] : ['a run has not ended']),
  ]
}

const wrongOf = async (lab: Lab, church: Church): Promise<readonly string[]> => {
  const found = [
    ...(await runs(church)),
    await church.differences(),
    await versions({ lab, org: church.org }),
    limit(church),
    deliveries(church),
    tokens(church),
  ]
  return found.flatMap((what) => (what === undefined ? [] : [`${church.org}: ${what}`]))
}

export const judge = async (
  lab: Lab,
  churches: readonly Church[],
  samples: ReadonlyMap<number, number[]>,
): Promise<readonly string[]> => {
  const wrong: string[] = []
  for (const church of churches) wrong.push(...(await wrongOf(lab, church)))
  const { rows } = await lab.pool.query<{ n: number }>(
    `select count(*)::int as n from (select from sync.runs where state in ('planned', 'running', 'paused')
       group by org_id, source, strategy having count(*) > 1) twice`,
  )
  if (rows[0]?.n !== 0) wrong.push('a strategy runs twice at once')
  const [seen, grown] = [await secrets({ lab }), memory({ memory: new Map(samples) })]
  if (seen !== undefined) wrong.push(seen)
  if (grown !== undefined) wrong.push(grown)
  return wrong
}
