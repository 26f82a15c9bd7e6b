// Named places in our own code where a test makes a process fail: SYNCLINE_FAIL=site:action[:nth], several separated by commas.
// Without it a site is a call of an empty function. Must hold: what acts says so on stderr first, because a test counts on it.
import { writeSync } from 'node:fs'
import { SynclineError } from './errors.ts'
import { suggest } from './suggest.ts'

/** The closed list of sites; each stands where a crash would hurt most. */
export const FAIL_SITES = [
  'fetch.before-response', // a permit is taken, the request not sent
  'fetch.after-response', // the page is here, not on Kafka
  'fetch.after-raw', // the page is on Kafka, without a receipt
  'fetch.after-receipt', // the receipt is written
  'fetch.before-successor', // the range is released, its next command not sent
  'fetch.after-successor', // the next command is sent, the offset of this one not committed
  'process.after-send', // records are on Kafka, the page's offset is not committed
  'sink.after-copy', // rows are in a staging table
  'sink.after-merge', // rows and landings are written, the transaction is open
  'sink.after-commit', // the transaction is committed, offsets are not
  'orchestrate.after-plan', // a run is planned, nothing of it started
  'orchestrate.before-emit', // ranges are marked as woken, their commands not sent
  'orchestrate.after-emit', // the commands are sent
  'orchestrate.after-reconcile', // what a walk did not show is taken, nothing of it asked after
  'orchestrate.after-close', // an entity is closed, those that waited for it are not started
] as const
export type FailSite = (typeof FAIL_SITES)[number]

/**
 * crash: SIGKILL to itself. throw: an error that nobody expects. hold: stays here until SIGUSR2.
 * lost-response: what was just done is reported as a broken connection.
 */
export const FAIL_ACTIONS = ['crash', 'throw', 'hold', 'lost-response'] as const
export type FailAction = (typeof FAIL_ACTIONS)[number]

interface Fault {
  readonly action: FailAction
  /** Acts when the site is reached for the nth time, once. */
  readonly nth: number
}

type Reach = (site: FailSite, lost: () => Error) => Promise<void> | undefined

const nothing: Reach = () => undefined
let reach = nothing

// Both a broken connection to PostgreSQL and an unavailable Kafka, as those who wait for them tell it.
const lostConnection = (): Error => new SynclineError('unavailable', 'Connection terminated by a failpoint')

/** To be awaited at a site. `lost`: the error that a lost answer is there, if it is none of PostgreSQL or Kafka. */
export const failpoint = (site: FailSite, lost: () => Error = lostConnection): Promise<void> | undefined => reach(site, lost)

/**
 * Reads SYNCLINE_FAIL once, at the start of a process. Throws 'usage' for an unknown site or action, naming the nearest, and
 * 'config' in production, unless SYNCLINE_FAIL_ALLOW=1 says that this is meant.
 */
export const armFailpoints = (environment: Readonly<Record<string, string | undefined>>): void => {
  const text = environment['SYNCLINE_FAIL']
  if (text === undefined || text === '') {
    reach = nothing
    return
  }
  if (environment['NODE_ENV'] === 'production' && environment['SYNCLINE_FAIL_ALLOW'] !== '1') {
    throw new SynclineError('config', 'SYNCLINE_FAIL is set in production.', {
      remedy: 'Unset it; or set SYNCLINE_FAIL_ALLOW=1 if this process is meant to fail.',
    })
  }
  reach = armed(parseFaults(text))
}

export const parseFaults = (text: string): ReadonlyMap<FailSite, readonly Fault[]> => {
  const faults = new Map<FailSite, Fault[]>()
  for (const part of text.split(',')) {
    const [siteName = '', actionName = '', nthText = '1', ...rest] = part.trim().split(':')
    const site = known('site', siteName, FAIL_SITES)
    const action = known('action', actionName, FAIL_ACTIONS)
    if (rest.length > 0 || !/^[1-9]\d{0,8}$/.test(nthText)) {
      throw new SynclineError('usage', `SYNCLINE_FAIL has '${part}', which is not site:action[:nth].`, {
        remedy: `For example: ${site}:${action}:3`,
      })
    }
    faults.set(site, [...(faults.get(site) ?? []), { action, nth: Number(nthText) }])
  }
  return faults
}

const known = <Name extends string>(what: string, name: string, names: readonly Name[]): Name => {
  const found = names.find((candidate) => candidate === name)
  if (found !== undefined) return found
  throw new SynclineError('usage', `SYNCLINE_FAIL names an unknown ${what} '${name}'.`, { remedy: suggest(name, names) })
}

const armed = (faults: ReadonlyMap<FailSite, readonly Fault[]>): Reach => {
  const reached = new Map<FailSite, number>()
  return (site, lost) => {
    const count = (reached.get(site) ?? 0) + 1
    reached.set(site, count)
    const fault = faults.get(site)?.find(({ nth }) => nth === count)
    return fault && act(site, fault.action, lost)
  }
}

const act = async (site: FailSite, action: FailAction, lost: () => Error): Promise<void> => {
  // Not by way of the log: after a SIGKILL nothing that is buffered is written.
  writeSync(2, `${JSON.stringify({ level: 'warn', msg: 'failpoint', site, action })}\n`)
  switch (action) {
    case 'crash':
      process.kill(process.pid, 'SIGKILL')
      return new Promise(() => undefined)
    case 'hold':
      return new Promise((resolve) => process.once('SIGUSR2', () => resolve()))
    case 'throw':
      throw new SynclineError('internal', `Failpoint ${site}`)
    case 'lost-response':
      throw lost()
  }
}
