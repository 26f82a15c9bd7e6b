// `syncline schedule add`: adds a schedule to an organisation, or gives one another rule.
import { Command, Option } from 'commander'
import { databaseTime } from '../ledger/database-time.ts'
import { listSchedules, type ScheduleRule, saveSchedule } from '../ledger/schedules.ts'
import { STRATEGIES } from '../manifests/strategy.ts'
import { nextDue } from '../orchestrator/due.ts'
import { SynclineError } from '../platform/errors.ts'
import { chooseSelection, EXCLUDE_HELP, parseStrategy, SELECT_HELP } from './choose.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { requireSchedule } from './schedule-change.ts'
import { scheduleLine } from './schedule-list.ts'
import { checkRule, parseBlackout, parseSeconds, ruleSchema, timingText } from './schedule-rule.ts'
import { printJson, say } from './terminal.ts'
import { moment } from './words.ts'

const TEXT = `
A due time at which it cannot run, because a run of its kind goes on, in a blackout window, or since nobody was there to see to it, is
left out and told by \`schedule list\` (--missed skip), or run once as soon as that is over (--missed once).

Examples:
  $ syncline schedule add --org acme --every 6h
  $ syncline schedule add --org acme --every 10m --jitter 1m --select person,email --name people
  $ syncline schedule add --org acme --name nightly --cron '0 3 * * *' --time-zone Europe/Berlin --missed once
  $ syncline schedule add --org acme --every 1h --blackout 'sun 08:00-13:00' --blackout 'mon-fri 22:00-06:00' --replace`

interface AddOptions {
  readonly org: string
  readonly source?: string
  readonly name?: string
  readonly strategy: string
  readonly select?: string
  readonly exclude?: string
  readonly every?: string
  readonly cron?: string
  readonly timeZone: string
  readonly jitter: string
  readonly missed: 'skip' | 'once'
  readonly blackout: readonly string[]
  readonly replace?: boolean
  readonly json?: boolean
}

export const scheduleAddCommand = (): Command =>
  new Command('add')
    .description('let something run by itself from now on')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'which connected account, when there are several')
    .option('--name <name>', 'what to call it; default: its strategy')
    .addOption(new Option('--strategy <name>', 'as `sync` takes it').choices(STRATEGIES).default('full'))
    .option('--select <entities>', SELECT_HELP)
    .option('--exclude <entities>', EXCLUDE_HELP)
    .option('--every <span>', 'an interval: 90s, 10m, 6h, 1d')
    .option('--cron <expression>', "minute, hour, day, month, weekday: '0 3 * * *'")
    .option('--time-zone <name>', 'of the cron expression and the blackouts', 'UTC')
    .option('--jitter <span>', 'fire up to so much later, differently each time', '0s')
    .addOption(
      new Option('--missed <policy>', 'what becomes of a due time at which it cannot run')
        .choices(['skip', 'once'])
        .default('skip'),
    )
    .option('--blackout <window>', "begin nothing in this window: 'sun 08:00-13:00'; may be given often", collect, [])
    .option('--replace', 'another rule for the schedule that has this name')
    .option('--json', 'print the schedule as one JSON line')
    .addHelpText('after', TEXT)
    .action((options: AddOptions) => withLedger((runtime) => addSchedule(runtime, options)))

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

const ruleOf = (options: AddOptions, source: string, selection: readonly string[] | null): ScheduleRule => {
  const parsed = ruleSchema.safeParse({
    name: options.name ?? options.strategy,
    source,
    strategy: parseStrategy(options.strategy),
    selection,
    cron: options.cron ?? null,
    everySeconds: options.every === undefined ? null : parseSeconds(options.every),
    timeZone: options.timeZone,
    jitterSeconds: parseSeconds(options.jitter),
    missed: options.missed,
    blackouts: options.blackout.map(parseBlackout),
  })
  if (parsed.success) return { orgId: options.org, ...parsed.data }
  const issue = parsed.error.issues[0]
  throw new SynclineError('usage', `The schedule's ${issue?.path.join('.')} is not valid: ${issue?.message}.`, {
    remedy: 'See: syncline schedule add --help',
  })
}

const addSchedule = async (runtime: Runtime, options: AddOptions): Promise<void> => {
  const { pool } = runtime
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const isWhole = options.select === undefined && options.exclude === undefined
  const selection = isWhole ? null : chooseSelection(connection.adapter, options)
  const rule = checkRule(ruleOf(options, connection.source, selection), connection.adapter)
  const due = nextDue(rule, await databaseTime(pool), Math.random)
  const exists = (await listSchedules(pool, rule.orgId)).some(({ name }) => name === rule.name)
  if (exists && !options.replace) {
    throw new SynclineError('usage', `${rule.orgId} has a schedule '${rule.name}' already.`, {
      remedy: 'Call this one something else with --name, or give that one another rule with --replace.',
    })
  }
  const outcome = await saveSchedule(pool, rule, due)
  if (options.json) printJson({ ...scheduleLine(await requireSchedule(runtime, rule.orgId, rule.name)), outcome })
  say(`Schedule ${rule.name} of ${rule.orgId}: ${rule.strategy}, ${timingText(rule)}. It is due at ${moment(due.dueAt)}.`)
}
