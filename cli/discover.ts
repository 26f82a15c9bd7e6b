// `syncline discover`: asks a connected API whether it still is what the manifest says, and what it has besides. Changes nothing there
// nor here, but for the drafts of --write.
import { Command } from 'commander'
import { isApiError } from '../adapters/core/errors.ts'
import { adapterByName } from '../adapters/index.ts'
import type { Connection } from '../ledger/organisations.ts'
import { type DocumentedResource, type Draft, definitionOf, draftOf, type Trusted } from '../manifests/draft.ts'
import { mkEntityManifest } from '../manifests/entity-manifest.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { type Discovered, discoverEntity, isAnswered, type Probed, type Sampled } from './discover-ask.ts'
import { driftOf } from './discover-findings.ts'
import { discoverText, entityLine, type Row } from './discover-text.ts'
import { prepareFolder, writeDrafts } from './discover-write.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { EXIT, print, printJson, say, stdoutWidth } from './terminal.ts'
import { type OpenVendor, withVendor } from './vendor.ts'
import { count } from './words.ts'

const TEXT = `
Of each entity up to 200 records are looked at. Each order is asked for in both directions, each filter for a value that some of those
records have and others have not; only what the answer obeys counts as honoured. That is about 300 requests for all, under the limit that
syncs keep to as well; a sync that runs meanwhile is slower. Values go to the API that they came from, and nowhere else.

Resources that the vendor documents and the manifest lacks are asked for as well; they are no drift.

Examples:
  $ syncline discover --org acme
  $ syncline discover --org acme --entity person,group
  $ syncline discover --org acme --write manifests/pco      # drafts for what the manifest lacks: docs/add-an-entity.md
  $ syncline discover --org acme --json | jq '.drift // [] | .[]'

Exit codes: 0 as the manifest says, 1 failed, 2 usage, 3 something differs, 4 auth, 130 interrupted.`

interface DiscoverOptions {
  readonly org: string
  readonly source?: string
  readonly entity?: string
  readonly write?: string
  readonly json?: boolean
}

export const discoverCommand = (): Command =>
  new Command('discover')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'which connected account, when there are several')
    .option('--entity <entities>', 'only these, separated by commas')
    .option('--write <dir>', 'draft definitions of what the manifest lacks and the API answers, a file each')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', TEXT)
    .action((options: DiscoverOptions) => withLedger((runtime) => discover(runtime, options)))

/** What the vendor documents and the manifest lacks, as far as it can be asked for. */
const newResources = (manifest: Manifest, catalogue: readonly DocumentedResource[]): ReadonlyMap<string, DocumentedResource> =>
  new Map(
    catalogue
      .filter(({ type }) => manifest.byType(type) === undefined)
      .flatMap((resource): [string, DocumentedResource][] => {
        const draft = draftOf(manifest, resource)
        return draft === undefined || manifest.has(draft.entity) ? [] : [[draft.entity, resource]]
      }),
  )

const withDrafts = (manifest: Manifest, resources: Iterable<DocumentedResource>): Manifest => {
  const drafts = [...resources].flatMap((resource) => draftOf(manifest, resource) ?? [])
  return mkEntityManifest(manifest.adapter, [...manifest.definitions, ...drafts.map(definitionOf)])
}

const chooseEntities = (known: readonly string[], asked: string | undefined): readonly string[] => {
  const names = (asked ?? '').split(',').filter((name) => name !== '')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new SynclineError('usage', `There is no entity '${unknown}'.`, { remedy: suggest(unknown, known) })
  }
  return names.length === 0 ? known : known.filter((name) => names.includes(name))
}

const discover = async (runtime: Runtime, options: DiscoverOptions): Promise<void> => {
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const adapter = adapterByName(connection.adapter)
  const { manifest } = adapter
  const added = newResources(manifest, adapter.catalogue?.() ?? [])
  const all = withDrafts(manifest, added.values())
  const entities = chooseEntities(
    all.definitions.map(({ entity }) => entity),
    options.entity,
  )
  if (options.write !== undefined) prepareFolder(options.write)
  const found = await askAll(runtime, connection, all, entities)
  const rows = found.map((discovered): Row => {
    const isNew = !manifest.has(discovered.entity)
    return { discovered, isNew, drift: isNew ? [] : driftOf(manifest.get(discovered.entity), discovered) }
  })
  show(connection, rows, options)
  if (options.write !== undefined) write(options.write, manifest, draftsOf(manifest, added, found), options)
}

const askAll = (
  runtime: Runtime,
  connection: Connection,
  manifest: Manifest,
  entities: readonly string[],
): Promise<readonly Discovered[]> =>
  withVendor(runtime, connection, async ({ vendor, ...rest }) => {
    const open: OpenVendor = { ...rest, vendor: { ...vendor, adapter: vendor.adapter.over(manifest) } }
    const signal = open.interruptible()
    const found: Discovered[] = []
    for (const entity of entities) {
      say(`Asking for ${entity} …`)
      found.push(await discoverEntity(open, signal, manifest.get(entity)))
    }
    const failed = failureOf(found)
    if (failed !== undefined) throw failed
    return found
  })

/** When none answers it is not the entities that are wrong; a single one may be. */
const failureOf = (found: readonly Discovered[]): unknown => {
  const [first, another] = found
  if (first === undefined || isAnswered(first) || found.some(isAnswered)) return undefined
  return another === undefined && isApiError(first.error, 'permission', 'gone') ? undefined : first.error
}

const honouredOf = (probed: readonly Probed[]): readonly string[] =>
  probed.flatMap(({ name, verdict }) => (verdict.is === 'honoured' ? [name] : []))

const trustedOf = ({ orders, filters }: Sampled): Trusted => ({ orders: honouredOf(orders), filters: honouredOf(filters) })

/** Of those that answer, built upon what was seen to be honoured. */
const draftsOf = (
  manifest: Manifest,
  added: ReadonlyMap<string, DocumentedResource>,
  found: readonly Discovered[],
): readonly Draft[] =>
  found.flatMap((discovered) => {
    const resource = added.get(discovered.entity)
    if (resource === undefined || !isAnswered(discovered)) return []
    return draftOf(manifest, resource, trustedOf(discovered)) ?? []
  })

const show = ({ orgId, source }: Connection, rows: readonly Row[], { json }: DiscoverOptions): void => {
  const drift = rows.reduce((sum, row) => sum + row.drift.length, 0)
  if (drift > 0) process.exitCode = EXIT.exceptions
  if (json) {
    for (const row of rows) printJson(entityLine(row))
    printJson({ type: 'discovery', org: orgId, source, entities: rows.length, differences: drift })
    return
  }
  print(discoverText(rows, { width: stdoutWidth() }))
  say(drift === 0 ? 'The API is as the manifest says.' : `${count(drift, 'difference')} between the API and the manifest.`)
}

const write = (folder: string, manifest: Manifest, drafts: readonly Draft[], { json }: DiscoverOptions): void => {
  for (const { entity, file, isWritten } of writeDrafts(folder, manifest, drafts)) {
    if (json) printJson({ type: 'draft', entity, file, written: isWritten })
    say(isWritten ? `Drafted ${file}` : `${file} is there already, and was left as it is.`)
  }
  say(drafts.length === 0 ? 'Nothing new answers: there is nothing to draft.' : 'Go on with docs/add-an-entity.md.')
}
