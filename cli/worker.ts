// `syncline worker`: runs roles until it is told to stop.
import { Command } from 'commander'
import { workerActor } from './actor.ts'
import { parseRoles, runWorker } from './roles.ts'
import { openRuntime } from './runtime.ts'
import { onInterrupt } from './terminal.ts'

const EXAMPLES = `
Roles: orchestrate (plans and wakes), fetch (API to raw topics), process (raw to canonical), sink (canonical to tables).

Examples:
  $ syncline worker all                # everything in one process
  $ syncline worker fetch process      # two roles; start more processes to scale them
  $ syncline worker sink`

export const workerCommand = (): Command =>
  new Command('worker')
    .description('run worker roles until Ctrl-C or SIGTERM')
    .argument('<roles...>', 'all, or any of: orchestrate fetch process sink')
    .addHelpText('after', EXAMPLES)
    .action(worker)

/** Resolves when all roles have stopped; a second signal ends the process at once. */
export const worker = async (names: readonly string[]): Promise<void> => {
  const roles = parseRoles(names)
  const runtime = await openRuntime({ actor: workerActor() })
  try {
    runtime.log.info({ roles }, 'worker starts')
    await runWorker(runtime, roles, onInterrupt())
    runtime.log.info({ roles }, 'worker stopped')
  } finally {
    await runtime.close()
  }
}
