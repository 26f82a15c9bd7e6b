// Refused deliveries in the log: strangers must not fill it. Goes in each refusal, comes out a line now and then.
import type { Logger } from '../../platform/logger.ts'
import { type Outcome, parseAddress } from './answer.ts'

/** One line about refused requests in so long a time, each reason for itself: strangers must not fill the log. */
const QUIET_MS = 60_000
/** Reasons and connections remembered; beyond them it begins anew. */
const MAX_REMEMBERED = 1_000

const REFUSED: Partial<Readonly<Record<Outcome, string>>> = {
  'bad-signature': 'a delivery was signed with no secret that is known; verify with: syncline webhooks ensure',
  'unknown-address': 'a delivery for an address that is not known was refused',
  'too-large': 'a delivery was too large and was refused',
  unavailable: 'a delivery could not be taken, the API will send it again',
}

/** What was refused, told once a minute and reason with how many there were. */
export const createRefusals = (log: Logger) => {
  const told = new Map<string, { at: number; more: number }>()
  return (outcome: Outcome, path: string): void => {
    const address = parseAddress(path)
    const key = `${outcome}/${outcome === 'unknown-address' ? '' : `${address?.orgId}/${address?.source}`}`
    const last = told.get(key)
    if (last !== undefined && performance.now() - last.at < QUIET_MS) {
      last.more++
      return
    }
    if (told.size >= MAX_REMEMBERED) told.clear()
    told.set(key, { at: performance.now(), more: 0 })
    const owner = address === undefined ? {} : { org: address.orgId, source: address.source }
    log.warn({ outcome, ...owner, ...(last !== undefined && { moreBefore: last.more }) }, REFUSED[outcome] ?? 'delivery refused')
  }
}
