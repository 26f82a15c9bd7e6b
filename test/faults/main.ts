// `npm run test:faults`: the cases of the table, some at once, a line each. Exit code 1 when one failed.
import type { Stack } from '../../local/stack.ts'
import { type Arguments, readArguments } from './arguments.ts'
import type { FaultCase } from './case.ts'
import { CASES } from './cases/index.ts'
import { type Lab, openLab } from './lab.ts'
import { hasPassed, heading, lineOf, type Outcome, reasonsOf } from './report.ts'
import { runCase } from './run-case.ts'
import { sharedStack } from './shared-stack.ts'

const print = (line: string): void => void process.stdout.write(`${line}\n`)

type Tally = { passed: number; failed: number; impossible: number }

/** Takes cases until there is none left. An installation serves one case after the other, until one of them fails. */
const lane = async (stack: Stack['addresses'], queue: FaultCase[], settings: Arguments, tally: Tally): Promise<void> => {
  let lab: Lab | undefined
  for (let test = queue.shift(); test !== undefined; test = queue.shift()) {
    const reason = test.impossible?.()
    if (reason !== undefined) {
      print(`${test.id.padEnd(40)}  not possible here: ${reason}`)
      tally.impossible++
      continue
    }
    const isAlone = test.links !== undefined || test.members !== undefined
    const used = isAlone ? await openLab(stack, test.links) : (lab ?? (await openLab(stack)))
    let outcome = await runCase(used, test, settings)
    const isOver = isAlone || !hasPassed(outcome)
    if (isOver) outcome = await closedAfter(used, outcome)
    if (!isAlone) lab = isOver ? undefined : used
    const passed = hasPassed(outcome)
    print([lineOf(outcome), ...(passed ? [] : reasonsOf(outcome))].join('\n'))
    tally[passed ? 'passed' : 'failed']++
  }
  const wrong = (await lab?.close()) ?? []
  if (wrong.length === 0) return
  print(`After its last case an installation did not end well: ${wrong.join(', ')}`)
  tally.failed++
}

/** That no process is left, and that all end in good order, belongs to M7. */
const closedAfter = async (lab: Lab, outcome: Outcome): Promise<Outcome> => {
  const stopped = await lab.close()
  if (stopped.length === 0) return outcome
  const before = outcome.wrong.M7
  return { ...outcome, wrong: { ...outcome.wrong, M7: [...(before === undefined ? [] : [before]), ...stopped].join('; ') } }
}

const main = async (): Promise<void> => {
  const settings = readArguments(process.argv.slice(2), CASES)
  const stack = await sharedStack()
  const tally: Tally = { passed: 0, failed: 0, impossible: 0 }
  print(heading())
  try {
    const queue = [...settings.cases]
    await Promise.all(Array.from({ length: settings.lanes }, () => lane(stack.addresses, queue, settings, tally)))
  } finally {
    await stack.stop()
  }
  const left = tally.impossible === 0 ? '' : `, ${tally.impossible} not possible here`
  print(`${tally.passed} passed, ${tally.failed} failed${left}`)
  process.exitCode = tally.failed === 0 ? 0 : 1
}

// Workers are ended when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
