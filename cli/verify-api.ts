// `syncline verify --against-api`: an organisation's tables compared with what the API says now. Reads both, writes neither.
import { adapterByName } from '../adapters/index.ts'
import type { Connection } from '../ledger/organisations.ts'
import { entityGraph } from '../manifests/graph.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { ruledAdapter } from '../producers/field-rules.ts'
import { type ApiReader, createApiReader } from './api-reader.ts'
import { painterFor } from './color.ts'
import type { Owner } from './compare.ts'
import { createComparison, type EntityComparison, type Finding, hasDifferences } from './comparison.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import type { Runtime } from './runtime.ts'
import { lastSyncedAt, tableContent } from './table-content.ts'
import { EXIT, print, printJson, say, stdoutWidth } from './terminal.ts'
import { findSubject } from './trace-subject.ts'
import { withVendor } from './vendor.ts'
import { comparisonLine, comparisonText, totalText } from './verify-api-text.ts'
import { type Compared, compareAll, compareSample, type WayDeps } from './verify-ways.ts'

export interface AgainstApiOptions {
  readonly org: string
  readonly source?: string
  readonly sample: number
  readonly all?: boolean
  readonly entity?: readonly string[]
  readonly values?: boolean
  readonly limit: number
  readonly json?: boolean
}

export const verifyAgainstApi = async (runtime: Runtime, options: AgainstApiOptions): Promise<void> => {
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const { manifest } = adapterByName(connection.adapter)
  const entities = chooseEntities(manifest, options.entity ?? [])
  const results = await withVendor(runtime, connection, async ({ vendor, api, interruptible }) => {
    const signal = interruptible()
    await vendor.account.compare((request) => api.send(request, { signal }))
    const reader = createApiReader(ruledAdapter(vendor.adapter, vendor.rules), api, vendor.auth, signal)
    return compareEach(runtime, connection, reader, entities, options)
  })
  const differ = results.some(hasDifferences)
  if (differ) process.exitCode = EXIT.exceptions
  const { values = false, json } = options
  if (json) printJson(comparisonLine(connection, options.all ? 'all' : options.sample, results, values))
  else {
    print(comparisonText(results, values, { width: stdoutWidth(), paint: painterFor(process.stdout) }))
    say(totalText(connection, results))
  }
}

/** In the order of a sync; none named: all. Throws SynclineError('usage') naming the nearest. */
const chooseEntities = (manifest: Manifest, named: readonly string[]): readonly string[] => {
  const names = named.flatMap((name) => name.split(',')).filter((name) => name !== '')
  // Records about another entity's rows have no table.
  const wanted = new Set<string>(names.map((name) => manifest.get(name).canonical.entity))
  const isOwn = (entity: string): boolean => manifest.get(entity).canonical.entity === entity
  return entityGraph(manifest).order.filter((entity) => isOwn(entity) && (wanted.size === 0 || wanted.has(entity)))
}

const compareEach = async (
  { pool }: Runtime,
  { adapter, orgId, source }: Connection,
  reader: ApiReader,
  entities: readonly string[],
  { all, sample, limit }: AgainstApiOptions,
): Promise<readonly EntityComparison[]> => {
  const { manifest } = adapterByName(adapter)
  const owner: Owner = { orgId, source }
  const deps: WayDeps = { pool, owner, manifest, reader, random: Math.random }
  const compared = await Promise.all(entities.map((entity) => beginOne(deps, entity, limit)))
  if (all) await compareAll(deps, compared)
  else
    for (const each of compared) {
      say(`Comparing ${each.definition.entity} …`)
      await compareSample(deps, each, sample)
    }
  return Promise.all(compared.map((each) => explained(deps, each.definition, each.comparison.result())))
}

/** What the table lacks may be known to the ledger as dead or parked: that is its reason. */
const explained = async (deps: WayDeps, definition: EntityDefinition, result: EntityComparison): Promise<EntityComparison> => {
  const { orgId, source } = deps.owner
  const explain = async (finding: Finding): Promise<Finding> => {
    const { externalId: id, verdict } = finding
    if (id === null || verdict !== 'only-there') return finding
    const [subject] = await findSubject(deps, { orgId, sources: [source], definition, id })
    const [letter] = subject?.letters ?? []
    if (subject?.parked) return { ...finding, reason: 'parked: it waits for its parent' }
    return letter === undefined ? finding : { ...finding, reason: `a dead letter: ${letter.reason}` }
  }
  return { ...result, findings: await Promise.all(result.findings.map(explain)) }
}

const beginOne = async ({ pool, owner, manifest, reader }: WayDeps, entity: string, maxFindings: number): Promise<Compared> => {
  const definition = manifest.get(entity)
  const table = tableContent(pool, owner, definition.canonical.entity)
  const syncedAt = await lastSyncedAt(pool, owner, entity)
  return { definition, table, comparison: createComparison({ owner, definition, table, reader, syncedAt, maxFindings }) }
}
