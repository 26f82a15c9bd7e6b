// `syncline plan`, and `sync --dry-run`: what a run would read, by the plan that its orchestrator would make, and what that costs: by
// what the last run took, or by what the API tells of how much there is. Begins nothing.
import { Command, Option } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { lastReads } from '../ledger/history.ts'
import type { Connection } from '../ledger/organisations.ts'
import type { NewRun } from '../ledger/runs.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import { STRATEGIES, type Strategy } from '../manifests/strategy.ts'
import { planAsked } from '../orchestrator/planning.ts'
import { requireSettings } from '../platform/config.ts'
import { SynclineError } from '../platform/errors.ts'
import { limitBefore } from '../producers/connections.ts'
import type { LimitPolicy } from '../producers/limiter/limiter.ts'
import { chooseSelection, EXCLUDE_HELP, parseStrategy, SELECT_HELP } from './choose.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { type Counted, countRecords } from './plan-counts.ts'
import { estimateRun, type Known } from './plan-estimate.ts'
import { entityLines, planLine, planText } from './plan-text.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { parseSince } from './since.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'
import { withVendor } from './vendor.ts'
import { count } from './words.ts'

const TEXT = `
Once an entity has been read to its end, the numbers are those of the last time. Before that the API is asked: one small request for each
entity, and in any case one for the limit. LIMIT is the part of what the API allows in the time of the run. A dash is what nobody can know
beforehand.

Examples:
  $ syncline plan --org acme
  $ syncline plan --org acme --strategy delta --since 36h
  $ syncline plan --org acme --select person+ --exclude email
  $ syncline plan --org acme --json | jq 'select(.type == "plan")'`

export interface RunOptions {
  readonly org: string
  readonly source?: string
  readonly strategy: string
  readonly select?: string
  readonly exclude?: string
  readonly since?: Date
  readonly json?: boolean
}

/** What `sync` and `plan` take to say which run they mean. */
export const withRunOptions = (command: Command): Command =>
  command
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'which connected account, when there are several')
    .addOption(new Option('--strategy <name>', 'what is read').choices(STRATEGIES).default('full'))
    .option('--select <entities>', SELECT_HELP)
    .option('--exclude <entities>', EXCLUDE_HELP)
    .option('--since <time>', 'with delta: what has changed since then, e.g. 36h or 2026-11-20', (text) => parseSince(text))
    .option('--json', 'one JSON object a line on stdout')

export const planCommand = (): Command =>
  withRunOptions(new Command('plan'))
    .addHelpText('after', TEXT)
    .action((options: RunOptions) =>
      withLedger(async (runtime) => {
        const asked = await askedOf(runtime, options)
        await showPlan(runtime, asked, options)
      }),
    )

const strategyOf = ({ strategy, since }: RunOptions): Strategy => {
  const found = parseStrategy(strategy)
  if (since === undefined || found === 'delta') return found
  throw new SynclineError('usage', `A ${found} run reads everything: --since is for a delta.`, {
    remedy: 'Say --strategy delta, or leave out --since.',
  })
}

export interface Asked {
  readonly connection: Connection
  readonly run: NewRun
  readonly plan: readonly EntityPlan[]
}

/** The run that the options mean. Throws SynclineError('usage') for what there is not, and when the run would read nothing. */
export const askedOf = async (runtime: Runtime, options: RunOptions): Promise<Asked> => {
  const strategy = strategyOf(options)
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const { orgId, source, adapter } = connection
  const selection = chooseSelection(adapter, options)
  const run = { orgId, source, adapter, strategy, selection, ...(options.since && { changedSince: options.since }) }
  return { connection, run, plan: await planOf(runtime, run) }
}

const planOf = ({ config, pool }: Runtime, run: NewRun): Promise<readonly EntityPlan[]> => {
  const lookBackMs = Number(requireSettings(config, 'deltaLookBackSeconds').deltaLookBackSeconds) * 1_000
  const { manifest } = adapterByName(run.adapter)
  const { changedSince = null, approves = null } = run
  return planAsked({ client: pool, manifest, lookBackMs }, { ...run, changedSince, approves })
}

/** From the ledger what it has, from the API the rest. */
const lookUp = async (runtime: Runtime, { connection, run, plan }: Asked): Promise<Counted> => {
  const last = await lastReads(runtime.pool, run, plan)
  const fromLedger = plan.flatMap(({ entity, carrier }): [string, Known][] => {
    const read = last.get(entity)
    if (read !== undefined) return [[entity, { by: 'history', last: read }]]
    return carrier === null ? [] : [[entity, { by: 'carrier' }]]
  })
  const known = new Map(fromLedger)
  const counted = await withVendor(runtime, connection, (open) => countRecords(open, plan, (entity) => !known.has(entity)))
  return { known: new Map([...counted.known, ...known]), rate: counted.rate }
}

/** What the API's headers say overrides what is known of it. */
const limitOf = (connection: Connection, { rate }: Counted): LimitPolicy | null => {
  const { limit: usual } = adapterByName(connection.adapter)
  const before = limitBefore(connection, { limit: usual })
  return rate.limit === undefined ? before : { requests: rate.limit, periodMs: rate.periodMs ?? (before ?? usual).periodMs }
}

export const showPlan = async (runtime: Runtime, asked: Asked, { json }: Pick<RunOptions, 'json'>): Promise<void> => {
  const { connection, run, plan } = asked
  const found = await lookUp(runtime, asked)
  const limit = limitOf(connection, found)
  const { pageSize } = adapterByName(connection.adapter)
  const estimate = estimateRun(plan, found.known, { limit, pageSize })
  const facts = { run, plan, known: found.known, limit, estimate }
  if (json) for (const line of [...entityLines(facts), planLine(facts)]) printJson(line)
  else print(planText(facts, { width: stdoutWidth() }))
  say(
    `A ${run.strategy} run of ${run.orgId}/${run.source} would read ${count(plan.length, 'entity', 'entities')}. Nothing was begun.`,
  )
}
