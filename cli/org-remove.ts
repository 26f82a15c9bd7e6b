// `syncline org remove`: takes an organisation, or one of its accounts, out of the ledger; its rows stay.
import { Command } from 'commander'
import { listFieldRules } from '../ledger/field-rules.ts'
import { deleteRowsOfRuns } from '../ledger/forget.ts'
import { removeConnection, removeOrganisation } from '../ledger/organisations.ts'
import { listRuns } from '../ledger/runs.ts'
import { SynclineError } from '../platform/errors.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { withRuntime } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { unsubscribe } from './unsubscribe.ts'

const EXAMPLES = `
Examples:
  $ syncline org remove acme --yes
  $ syncline org remove acme --source second-campus --yes

Its subscriptions at the API go too, if the API answers.
To remove its rows and everything else too: syncline org forget`

interface RemoveOptions {
  readonly source?: string
  readonly yes?: boolean
  readonly json?: boolean
}

export const removeCommand = (): Command =>
  new Command('remove')
    .description('forget connections and runs of an organisation; its rows stay')
    .argument('<id>')
    .option('--source <name>', 'only this connected account and its runs')
    .option('--yes', 'really')
    .option('--json', 'print one JSON line')
    .addHelpText('after', EXAMPLES)
    .action(removeOrg)

const removeOrg = (orgId: string, { source, yes, json }: RemoveOptions): Promise<void> =>
  withRuntime(async (runtime) => {
    await runtime.migrate()
    const own = await requireOrg(runtime, orgId)
    const leaving = source === undefined ? own : [chooseConnection(own, { org: orgId, source })]
    const what = source === undefined ? orgId : `${orgId}/${source}`
    if (!yes) {
      throw new SynclineError('usage', `This forgets the connection and the runs of ${what}.`, {
        remedy: `If that is what you want: syncline org remove ${orgId}${source === undefined ? '' : ` --source ${source}`} --yes`,
      })
    }
    const [active] = await listRuns(runtime.pool, { orgId, active: true, ...(source === undefined ? {} : { source }) })
    if (active) {
      throw new SynclineError('already-running', `Run ${active.runId} of ${what} is ${active.state}.`, {
        remedy: `End it first with: syncline cancel --run ${active.runId}`,
      })
    }
    const subscriptions = await unsubscribe(runtime, leaving)
    await deleteRowsOfRuns(runtime.pool, orgId, source)
    if (source === undefined) await removeOrganisation(runtime.pool, orgId)
    else await removeConnection(runtime.pool, orgId, source)
    if (json) printJson({ type: 'org-removed', org: orgId, ...(source === undefined ? {} : { source }), subscriptions })
    say(`${source === undefined ? 'Organisation' : 'Connection'} ${what} is removed. Its rows stay in the canonical tables.`)
    const rules = await listFieldRules(runtime.pool, orgId)
    if (source === undefined && rules.length > 0)
      say(`Its field rules (${rules.length}) stay too, and hold when it is added again.`)
  })
