// Many organisations of one simulated vendor, each with a credential, hence a limit, of its own: added and asked for without a process each.
import { saveConnection } from '../ledger/organisations.ts'
import { createRun } from '../ledger/runs.ts'
import { parseEncryptionKey } from '../ledger/secrets.ts'
import { eachOf } from '../platform/each.ts'
import type { WorkerProcess } from '../test/harness/installation.ts'
import type { Vendor } from './simulator-process.ts'
import { run, type Site, whileAlive } from './site.ts'

const AT_ONCE = 8

export const orgNames = (kind: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, n) => `${kind}-${n}`)

export const credentialOf = (org: string): string => `${org}:secret`

const owner = (orgId: string) => ({ orgId, source: 'pco', adapter: 'pco' })

/** The vendor must know `credentialOf` each of them. */
export const addOrganisations = async (
  { installation }: Site,
  { url }: Vendor,
  orgs: readonly string[],
  rateLimit: string | null = null,
): Promise<void> => {
  // Any command that reads the ledger makes its tables.
  await run(installation, ['org', 'list'])
  const key = parseEncryptionKey(installation.env['SYNCLINE_ENCRYPTION_KEY'] ?? '')
  await eachOf(orgs, AT_ONCE, (org) =>
    saveConnection(installation.pool, key, {
      ...owner(org),
      baseUrl: url,
      settings: {},
      rateLimit,
      credential: credentialOf(org),
    }),
  )
}

/** A run of each, of some entities or (none named) of all. */
export const beginRuns = ({ installation }: Site, orgs: readonly string[], ...selection: readonly string[]): Promise<void> =>
  eachOf(orgs, AT_ONCE, (org) => createRun(installation.pool, { ...owner(org), strategy: 'full', selection }))

/** Throws unless all runs that there are end complete. */
export const untilComplete = async (site: Site, workers: readonly WorkerProcess[]): Promise<void> => {
  const open = () => site.number('select count(*) as n from sync.runs where ended_at is null')
  await whileAlive(workers, 'all runs have ended', async () => (await open()) === 0)
  const lost = await site.number(`select count(*) as n from sync.runs where state <> 'complete'`)
  if (lost > 0) throw new Error(`${lost} runs are not complete`)
}
