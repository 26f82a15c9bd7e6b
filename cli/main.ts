#!/usr/bin/env node
// The command line: one file per command, errors to exit codes in one place.
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { auditCommand } from './audit.ts'
import { cancelCommand } from './cancel.ts'
import { checkCommand } from './check.ts'
import { demoCommand } from './demo.ts'
import { dlqCommand } from './dlq.ts'
import { downCommand } from './down.ts'
import { graphCommand } from './graph.ts'
import { keysCommand } from './keys.ts'
import { orgCommand } from './org.ts'
import { pauseCommand } from './pause.ts'
import { reconcileCommand } from './reconcile.ts'
import { replayCommand } from './replay.ts'
import { resumeCommand } from './resume.ts'
import { retryCommand } from './retry.ts'
import { runsCommand } from './runs.ts'
import { scheduleCommand } from './schedule.ts'
import { showCommand } from './show.ts'
import { simulateCommand } from './simulate.ts'
import { stateCommand } from './state.ts'
import { statusCommand } from './status.ts'
import { syncCommand } from './sync.ts'
import { EXIT, exitCodeOf, reportError, toleratesClosedPipe } from './terminal.ts'
import { traceCommand } from './trace.ts'
import { upCommand } from './up.ts'
import { verifyCommand } from './verify.ts'
import { webhooksCommand } from './webhooks.ts'
import { workerCommand } from './worker.ts'

const COMMANDS = [
  upCommand,
  downCommand,
  demoCommand,
  orgCommand,
  keysCommand,
  simulateCommand,
  graphCommand,
  checkCommand,
  syncCommand,
  reconcileCommand,
  pauseCommand,
  resumeCommand,
  cancelCommand,
  retryCommand,
  scheduleCommand,
  statusCommand,
  runsCommand,
  showCommand,
  verifyCommand,
  auditCommand,
  replayCommand,
  traceCommand,
  dlqCommand,
  webhooksCommand,
  stateCommand,
  workerCommand,
]

const version = (): string => {
  // dist/cli/main.js and cli/main.ts both stand below the package's root.
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
      if (name === 'syncline') return String(version)
    } catch {}
  }
  return 'unknown'
}

/** Commander prints its own usage errors; these are given the exit code of a usage error. */
const program = (): Command => {
  const root = new Command('syncline')
    .description("keeps an organisation's SaaS data complete and current in Kafka topics and PostgreSQL tables")
    .version(version())
    .showSuggestionAfterError()
    .showHelpAfterError('See the examples with --help.')
  for (const make of COMMANDS) root.addCommand(make())
  for (const command of allOf(root)) command.exitOverride().configureOutput({ outputError: (text, write) => write(text) })
  return root
}

const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)]

const main = async (argv: readonly string[]): Promise<void> => {
  const json = argv.includes('--json')
  for (const stream of [process.stdout, process.stderr]) toleratesClosedPipe(stream)
  try {
    await program().parseAsync([...argv])
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    else {
      process.exitCode = exitCodeOf(error)
      reportError(error, json)
    }
  }
}

await main(process.argv)
