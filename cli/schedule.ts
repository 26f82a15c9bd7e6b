// `syncline schedule`: what runs by itself, and when. One file per subcommand.
import { Command } from 'commander'
import { scheduleAddCommand } from './schedule-add.ts'
import { schedulePauseCommand, scheduleRemoveCommand, scheduleResumeCommand } from './schedule-change.ts'
import { scheduleListCommand } from './schedule-list.ts'

const TEXT = `
Schedules are in PostgreSQL; whichever worker has the role orchestrate and leads asks for their runs, once for each due time.

Examples:
  $ syncline schedule add --org acme --every 6h
  $ syncline schedule add --org acme --name nightly --cron '0 3 * * *' --time-zone Europe/Berlin --blackout 'sun 00:00-13:00'
  $ syncline schedule list
  $ syncline schedule pause nightly --org acme`

export const scheduleCommand = (): Command =>
  new Command('schedule')
    .addHelpText('after', TEXT)
    .addCommand(scheduleAddCommand())
    .addCommand(scheduleListCommand())
    .addCommand(schedulePauseCommand())
    .addCommand(scheduleResumeCommand())
    .addCommand(scheduleRemoveCommand())
