// `syncline trace`: where one record comes from, or what became of it.
import { Command } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { requireSettings } from '../platform/config.ts'
import { isSynclineError, SynclineError } from '../platform/errors.ts'
import { createKafka } from '../platform/kafka/client.ts'
import { type Look, openLook } from '../platform/kafka/look.ts'
import { suggest } from '../platform/suggest.ts'
import { createCanonicalDecoder } from '../topics/canonical-codec.ts'
import { createRegistry } from '../topics/registry.ts'
import { painterFor } from './color.ts'
import { requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { EXIT, print, printJson, say } from './terminal.ts'
import { traceLine } from './trace-line.ts'
import { lookAt, type Trace } from './trace-look.ts'
import { traceText } from './trace-text.ts'

const EXAMPLES = `
Examples:
  $ syncline trace person 45029164 --org acme                              # the vendor's id
  $ syncline trace person 7c1f0b52-6a0e-5d0b-9f55-1c2f7e0d9a11 --org acme  # the row's id
  $ syncline trace email 881 --org acme --json | jq '.page.request'

It says for a row, and for what is dead, parked, deleted or on its way: the request and when it was made, or the delivery
that told it, the place on the raw and on the canonical topic, and the runs that wrote it. What retention has removed is said as such. No value of the record is shown.

Exit codes: 0 it is known, 1 it is not.`

interface TraceOptions {
  readonly org: string
  readonly source?: string
  readonly json?: boolean
}

export const traceCommand = (): Command =>
  new Command('trace')
    .argument('<entity>', 'such as person or phone-number')
    .argument('<id>', "the vendor's id, or the row's")
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'which connected account, when there are several')
    .option('--json', 'print it as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((entity: string, id: string, options: TraceOptions) => withLedger((runtime) => trace(runtime, entity, id, options)))

const trace = async (runtime: Runtime, entity: string, id: string, options: TraceOptions): Promise<void> => {
  const found = await ask(runtime, entity, id, options)
  if (found.state === 'unknown' || found.state === 'vanished') process.exitCode = EXIT.failed
  if (options.json) printJson(traceLine(found))
  else print(traceText(found, painterFor(process.stdout)))
}

const ask = async (runtime: Runtime, entity: string, id: string, { org, source }: TraceOptions): Promise<Trace> => {
  if (id.trim() === '') {
    throw new SynclineError('usage', 'An empty text is the id of no record.', {
      remedy: `Use it as: syncline trace ${entity} ID --org ${org}`,
    })
  }
  const own = await requireOrg(runtime, org)
  const connections = own.filter((connection) => source === undefined || connection.source === source)
  const [connection] = connections
  const names = own.map((each) => each.source)
  if (connection === undefined) {
    throw new SynclineError('usage', `${org} has no source '${source}'.`, { remedy: suggest(source ?? '', names) })
  }
  const { manifest } = adapterByName(connection.adapter)
  const definition = manifest.get(entity)
  const settings = requireSettings(runtime.config, 'kafkaBrokers', 'schemaRegistryUrl')
  const look = await openKafka(runtime, settings.kafkaBrokers)
  const registry = createRegistry(settings.schemaRegistryUrl)
  try {
    const decoder = createCanonicalDecoder(registry.writerSchema)
    const sources = connections.map((each) => each.source)
    return await lookAt({ ...runtime, manifest, decoder, look }, { orgId: org, sources, definition, id })
  } finally {
    registry.close()
    await look?.close()
  }
}

/** Undefined when it is away: what the ledger says is told all the same. */
const openKafka = async ({ log }: Runtime, brokers: string): Promise<Look | undefined> => {
  try {
    return await openLook(createKafka({ brokers: brokers.split(','), clientId: 'syncline', log }))
  } catch (error) {
    if (!isSynclineError(error, 'unavailable')) throw error
    say(`${error.message} What only the topics know is left out.`)
    return undefined
  }
}
