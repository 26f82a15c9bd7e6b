// The tree of commands: what a line names is there whole, the rest as a list shows it, so that help and completion are quick.
import { Command } from 'commander'
import { COMMANDS, type CommandEntry } from './commands.ts'
import { stdoutWidth } from './terminal.ts'
import { versionText } from './version.ts'

const EXAMPLES = `
Examples:
  $ syncline demo                          # all of it on this machine, with a simulated church
  $ syncline sync --help                   # each command has examples
  $ source <(syncline completion bash)     # also zsh and fish`

/** Wider lines are hard to read. */
const MAX_HELP_WIDTH = 120

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)]

const wholeOf = async ({ summary, load }: CommandEntry): Promise<Command> => (await load()).description(summary)

const listedOf = ({ name, summary }: CommandEntry): Command => new Command(name).description(summary)

/** `words`: of the command line; the commands among them are loaded. 'all': every one. */
export const programFor = async (words: readonly string[] | 'all'): Promise<Command> => {
  const isNamed = (...names: readonly string[]): boolean => words === 'all' || names.some((name) => words.includes(name))
  const root = new Command('syncline')
    .description("keeps an organisation's SaaS data complete and current in Kafka topics and PostgreSQL tables")
    .version(versionText())
    .showSuggestionAfterError()
    .showHelpAfterError('See the examples with --help.')
    .addHelpText('after', EXAMPLES)
  const commands = await Promise.all(COMMANDS.map((entry) => (isNamed(entry.name) ? wholeOf(entry) : listedOf(entry))))
  for (const command of commands) root.addCommand(command)
  if (isNamed('completion', 'complete')) (await import('./completion.ts')).addCompletion(root)
  else root.command('completion').description('Generate shell completion scripts')
  const helpWidth = () => Math.min(stdoutWidth(), MAX_HELP_WIDTH)
  const widths = { getOutHelpWidth: helpWidth, getErrHelpWidth: helpWidth }
  for (const command of allOf(root)) command.exitOverride().configureOutput(widths)
  return root
}
