#!/usr/bin/env node
// The command line: from a line of words to an exit code; errors are told in one place.
import { CommanderError } from 'commander'
import { programFor } from './program.ts'
import { EXIT, exitCodeOf, reportError, toleratesClosedPipe } from './terminal.ts'

const main = async (argv: readonly string[]): Promise<void> => {
  const json = argv.includes('--json')
  for (const stream of [process.stdout, process.stderr]) toleratesClosedPipe(stream)
  try {
    await (await programFor(argv.slice(2))).parseAsync([...argv])
  } catch (error) {
    // Commander has printed its own usage errors.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    else {
      process.exitCode = exitCodeOf(error)
      reportError(error, json)
    }
  }
}

await main(process.argv)
