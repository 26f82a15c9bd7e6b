// `syncline down`: ends the embedded stack and leaves its data.
import { Command } from 'commander'
import { stopStack } from '../local/stack.ts'

interface DownOptions {
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ syncline down
  $ SYNCLINE_HOME=/srv/syncline syncline down --json

Data stays in .syncline/ for the next \`syncline up\`; remove that folder to begin anew.`

export const downCommand = (): Command =>
  new Command('down')
    .option('--json', 'print one JSON line: whether a stack was running')
    .addHelpText('after', EXAMPLES)
    .action((options: DownOptions) => down(options))

/** Resolves when no process of the stack is left; also if there was none. */
const down = async (options: DownOptions): Promise<void> => {
  const wasUp = await stopStack()
  if (options.json) process.stdout.write(`${JSON.stringify({ type: 'down', wasUp })}\n`)
  process.stderr.write(wasUp ? 'The stack is down.\n' : 'No stack is running here.\n')
}
