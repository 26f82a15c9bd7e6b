// What to do next about a failure, by its code: one table.
import { ERRORS, type ErrorCode } from '../platform/errors.ts'

const AGAIN = (org: string): string => `Then sync again: syncline sync --org ${org}`

const REMEDIES: Readonly<Record<ErrorCode, (org: string) => string>> = {
  auth: (org) => `Give a valid credential: syncline org add ${org} --pat-stdin. ${AGAIN(org)}`,
  permission: (org) => `Give the account of this credential access to what is read. ${AGAIN(org)}`,
  'rate-limit': (org) => `Find out what else uses up the limit of this credential. ${AGAIN(org)}`,
  transient: (org) => `Wait until the API can be reached. ${AGAIN(org)}`,
  'bad-response': (org) => `Check the base URL: syncline org list. ${AGAIN(org)}`,
  'bad-request': () => 'Report it: the API does not accept what is asked of it.',
  gone: (org) => `Check the base URL: syncline org list. ${AGAIN(org)}`,
  'already-running': (org) => `See the other run: syncline status --org ${org}`,
  paused: (org) => `Let it go on: syncline resume --org ${org}`,
  unavailable: (org) => `Bring the service back. ${AGAIN(org)}`,
  incompatible: (org) => `Run one version of Syncline everywhere. ${AGAIN(org)}`,
  'too-large': (org) =>
    `Start the fetchers with a higher SYNCLINE_MAX_RESPONSE_BYTES, or have the record made smaller. ${AGAIN(org)}`,
  'invalid-record': () => 'Read the dead letters, their reason names the field: syncline dlq list',
  usage: (org) => AGAIN(org),
  config: (org) => `Mend the setting. ${AGAIN(org)}`,
  conflict: (org) => AGAIN(org),
  internal: (org) => `Read the log of the worker, and report it. ${AGAIN(org)}`,
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)

export const remedyOf = (code: string | null, org: string): string =>
  code !== null && isErrorCode(code) ? REMEDIES[code](org) : AGAIN(org)
