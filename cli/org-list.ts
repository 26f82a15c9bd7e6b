// `syncline org list`: the connected accounts, and whether one of them waits to be authorised again.
import { Command } from 'commander'
import { type Connection, type ListedConnection, listConnections } from '../ledger/organisations.ts'
import { withRuntime } from './runtime.ts'
import { print, printJson, say, table } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ syncline org list
  $ syncline org list --json | jq -r 'select(.reauthorise != null) | .org'`

interface ListOptions {
  readonly source?: string
  readonly json?: boolean
}

export const listCommand = (): Command =>
  new Command('list')
    .description('list the organisations and their connected accounts')
    .option('--source <name>', 'only accounts of this name')
    .option('--json', 'one JSON line each')
    .addHelpText('after', EXAMPLES)
    .action(listOrgs)

export const publicOf = ({ orgId, source, adapter, baseUrl }: Connection) => ({ org: orgId, source, adapter, baseUrl })

const stateOf = ({ reauthorise }: ListedConnection): string => (reauthorise === null ? 'connected' : 'authorise again')

const listOrgs = ({ source, json }: ListOptions): Promise<void> =>
  withRuntime(async (runtime) => {
    await runtime.migrate()
    const connections = (await listConnections(runtime.pool)).filter((c) => source === undefined || c.source === source)
    if (json) for (const c of connections) printJson({ type: 'org', ...publicOf(c), kind: c.kind, reauthorise: c.reauthorise })
    else if (connections.length === 0) say('There are no organisations. Add one with: syncline org add ID --pat-stdin')
    else
      print(
        table(
          ['ORG', 'SOURCE', 'ADAPTER', 'BASE URL', 'CREDENTIAL', 'STATE'],
          connections.map((c) => [c.orgId, c.source, c.adapter, c.baseUrl ?? 'default', c.kind, stateOf(c)]),
        ),
      )
    if (json) return
    for (const c of connections.filter(({ reauthorise }) => reauthorise !== null))
      say(`${c.orgId}/${c.source}: ${c.reauthorise}. Connect it again with: syncline org connect ${c.orgId} --source ${c.source}`)
  })
