// Names of windows in the rate limiter: who the vendor counts by goes in, comes out a name that tells nothing of it. It is stored with the
// connection, so that it stays the same when a token or the installation's key changes (invariant 7).
import { createHash, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, string, number, Buffer>(scrypt)
const NAME_BYTES = 24

/** Of a fixed credential: two connections with the same one share a window. Slow on purpose: the name must not lead back to it. */
export const limitKeyOfToken = async (adapter: string, credential: string): Promise<string> =>
  (await derive(credential, `syncline limit key\n${adapter}`, NAME_BYTES)).toString('base64url')

/** Of an account: two connections by the same user share a window, whatever their tokens. */
export const limitKeyOfAccount = (adapter: string, account: string): string =>
  createHash('sha256')
    .update(JSON.stringify(['syncline limit key', adapter, account]))
    .digest()
    .subarray(0, NAME_BYTES)
    .toString('base64url')
