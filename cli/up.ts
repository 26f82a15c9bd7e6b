// `syncline up`: brings the embedded stack up. Addresses go to stdout, what is going on to stderr.
import { Command } from 'commander'
import { ADDRESS_VARIABLES, SERVICE_NAMES, type StackAddresses } from '../local/addresses.ts'
import { bringUp } from '../local/bring-up.ts'
import type { Stack } from '../local/stack.ts'

interface UpOptions {
  readonly detach?: boolean
  readonly json?: boolean
}

const EXAMPLES = `
Examples:
  $ syncline up                 # in the foreground, until Ctrl-C
  $ syncline up --detach        # leave it running; \`syncline down\` ends it
  $ syncline up --detach --json | jq -r .postgres

Addresses in the environment win: a service whose address is set there is not started
(${SERVICE_NAMES.map((name) => ADDRESS_VARIABLES[name][0]).join(', ')}).
Data is kept in .syncline/, or in the folder that SYNCLINE_HOME names.`

export const upCommand = (): Command =>
  new Command('up')
    .option('-d, --detach', 'leave the services running and return')
    .option('--json', 'print the addresses as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((options: UpOptions) => up(options))

/**
 * Resolves when the stack is up (detached, or not started by us), or else when it has come down.
 * Interrupted before it is up, it leaves nothing running and sets exit code 130; afterwards Ctrl-C is how it ends.
 */
const up = async (options: UpOptions): Promise<void> => {
  const startedMs = performance.now()
  const interrupt = onInterrupt()
  const stack = await bringUp({ detach: options.detach ?? false, onProgress: say, signal: interrupt }).catch(ifNot(interrupt))
  if (stack === undefined) {
    process.exitCode = 130
    return say('Interrupted; nothing is left running.')
  }
  process.stdout.write(options.json ? stackLine(stack.addresses) : variableLines(stack.addresses))
  say(whatHappened(stack, options, (performance.now() - startedMs) / 1000))
  if (stack.origin === 'started' && !options.detach) await inForeground(stack, interrupt)
}

/** Aborts at the first Ctrl-C or SIGTERM; the second has its usual effect. */
const onInterrupt = (): AbortSignal => {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

const ifNot =
  (interrupt: AbortSignal) =>
  (error: unknown): undefined => {
    if (!interrupt.aborted) throw error
  }

/** The last line of `up --json`. */
const stackLine = ({ kafka, schemaRegistry, postgres, redis }: StackAddresses): string =>
  `${JSON.stringify({ type: 'stack', kafka, schemaRegistry, postgres, redis })}\n`

/** As lines for a shell or an env file. */
const variableLines = (addresses: StackAddresses): string =>
  SERVICE_NAMES.map((name) => `${ADDRESS_VARIABLES[name][0]}=${addresses[name]}\n`).join('')

const whatHappened = (stack: Stack, options: UpOptions, seconds: number): string => {
  if (stack.origin === 'given') return 'All addresses are set in the environment: nothing was started.'
  if (stack.origin === 'found') return 'The stack is up already; `syncline down` ends it.'
  return `The stack is up (${seconds.toFixed(1)} s); ${options.detach ? '`syncline down`' : 'Ctrl-C'} ends it.`
}

const inForeground = async (stack: Stack, interrupt: AbortSignal): Promise<void> => {
  if (interrupt.aborted) await stack.stop()
  else interrupt.addEventListener('abort', () => void stack.stop())
  const failure = await stack.ended
  if (failure !== undefined) throw failure
  say('The stack is down.')
}

const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
