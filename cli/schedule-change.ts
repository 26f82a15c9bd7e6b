// `syncline schedule pause|resume|remove`: changes of one schedule by its name.
import { Command } from 'commander'
import { databaseTime } from '../ledger/database-time.ts'
import { listSchedules, pauseSchedule, removeSchedule, resumeSchedule, type Schedule } from '../ledger/schedules.ts'
import { nextDue } from '../orchestrator/due.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { scheduleLine } from './schedule-list.ts'
import { printJson, say } from './terminal.ts'
import { moment } from './words.ts'

interface ChangeOptions {
  readonly org: string
  readonly json?: boolean
}

type Change = (runtime: Runtime, schedule: Schedule, options: ChangeOptions) => Promise<void>

const changeCommand = (verb: string, description: string, change: Change): Command =>
  new Command(verb)
    .description(description)
    .argument('<name>', 'of the schedule, as `schedule list` prints it')
    .requiredOption('--org <id>', 'the organisation')
    .option('--json', 'print the schedule as one JSON line')
    .addHelpText(
      'after',
      `\nExamples:\n  $ syncline schedule ${verb} nightly --org acme\n  $ syncline schedule ${verb} nightly --org acme --json`,
    )
    .action((name: string, options: ChangeOptions) =>
      withLedger(async (runtime) => {
        await requireOrg(runtime, options.org)
        await change(runtime, await requireSchedule(runtime, options.org, name), options)
      }),
    )

/** Throws SynclineError('usage') naming the nearest. */
export const requireSchedule = async ({ pool }: Runtime, orgId: string, name: string): Promise<Schedule> => {
  const schedules = await listSchedules(pool, orgId)
  const found = schedules.find((schedule) => schedule.name === name)
  if (found !== undefined) return found
  const names = schedules.map((schedule) => schedule.name)
  const remedy = names.length === 0 ? `It has none: syncline schedule add --org ${orgId} --every 6h` : suggest(name, names)
  throw new SynclineError('usage', `${orgId} has no schedule '${name}'.`, { remedy })
}

const tell = async (runtime: Runtime, { orgId, name }: Schedule, { json }: ChangeOptions, text: string): Promise<void> => {
  if (json) printJson(scheduleLine(await requireSchedule(runtime, orgId, name)))
  say(text)
}

const pause: Change = async (runtime, schedule, options) => {
  const { orgId, name } = schedule
  const paused = await pauseSchedule(runtime.pool, orgId, name)
  const goOn = `Go on with: syncline schedule resume ${name} --org ${orgId}`
  await tell(runtime, schedule, options, `Schedule ${name} of ${orgId} is paused${paused ? '' : ' already'}. ${goOn}`)
}

const resume: Change = async (runtime, schedule, options) => {
  const { orgId, name } = schedule
  const due = nextDue(schedule, await databaseTime(runtime.pool), Math.random, schedule.dueAt)
  const resumed = await resumeSchedule(runtime.pool, orgId, name, due)
  const when = moment(resumed ? due.dueAt : schedule.dueAt)
  await tell(
    runtime,
    schedule,
    options,
    `Schedule ${name} of ${orgId} ${resumed ? 'goes on' : 'was not paused'}. It is due at ${when}.`,
  )
}

const remove: Change = async ({ pool }, { orgId, name }, { json }) => {
  await removeSchedule(pool, orgId, name)
  if (json) printJson({ type: 'schedule-removed', org: orgId, name })
  say(`Schedule ${name} of ${orgId} is removed. Runs that it asked for go on.`)
}

export const schedulePauseCommand = (): Command =>
  changeCommand('pause', 'let a schedule rest; what is due meanwhile is not made up for', pause)
export const scheduleResumeCommand = (): Command => changeCommand('resume', 'let a paused schedule go on', resume)
export const scheduleRemoveCommand = (): Command => changeCommand('remove', 'remove a schedule', remove)
