// `syncline state`: what an installation knows and cannot find out again, as a file, to take it to another one. One file per subcommand.
import { Command } from 'commander'
import { stateExportCommand } from './state-export.ts'
import { stateImportCommand } from './state-import.ts'

const TEXT = `
The state is the schedules, the field rules, and the watermarks where there are any. Credentials and keys are not in it: connect the
organisations first.

Examples:
  $ syncline state export > state.jsonl
  $ syncline state import state.jsonl --dry-run
  $ syncline state import state.jsonl`

export const stateCommand = (): Command =>
  new Command('state').addHelpText('after', TEXT).addCommand(stateExportCommand()).addCommand(stateImportCommand())
