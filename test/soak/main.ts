// `npm run test:soak -- --minutes 3 --organisations 20`: exit code 1 when something was wrong at the end.
import { createDice } from '../../simulator/generated/random.ts'
import type { Chance } from '../faults/drift.ts'
import { openLab } from '../faults/lab.ts'
import { sharedStack } from '../faults/shared-stack.ts'
import { readArguments } from './arguments.ts'
import { Soak } from './soak.ts'

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const chanceOf = (seed: number): Chance => {
  const dice = createDice(seed)('soak')
  let drawn = 0
  const random = () => dice(drawn++) / 2 ** 32
  return {
    random,
    pick: (items) => {
      const item = items[Math.floor(random() * items.length)]
      if (item === undefined) throw new Error('There is nothing to pick from')
      return item
    },
  }
}

const main = async (): Promise<void> => {
  const settings = readArguments(process.argv.slice(2))
  const { minutes, organisations, everySeconds, strategies, seed } = settings
  print(`${organisations} organisations, ${strategies.join(' and ')} every ${everySeconds} s, ${minutes} minutes, seed ${seed}`)
  // A tenth of a small organisation may go at once: what is too much for a reconciliation is judged elsewhere. Workers have our environment.
  process.env['SYNCLINE_MAX_DELETED_PERCENT'] = '100'
  const stack = await sharedStack()
  const lab = await openLab(stack.addresses)
  const soak = new Soak(lab, settings, chanceOf(seed), print)
  let wrong: readonly string[] = []
  try {
    wrong = await soak.run()
  } finally {
    wrong = [...wrong, ...(await lab.close())]
    await soak.close()
    await stack.stop()
  }
  for (const line of wrong) print(`WRONG ${line}`)
  print(
    wrong.length === 0 ? 'passed: tables equal, limits kept, no secret seen, memory flat' : `failed: ${wrong.length} findings`,
  )
  process.exitCode = wrong.length === 0 ? 0 : 1
}

// Workers are ended when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
