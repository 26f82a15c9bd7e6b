// Runs the benchmarks that are asked for, on this build or on two in turns, and prints a table for each. Progress goes to stderr.
// Usage: npm run bench -- [W1 W2 …] [--size 0.1] [--rounds N] [--against REVISION] [--profiles DIRECTORY] [--json]

import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '../platform/errors.ts'
import { apiToTables } from './api-to-tables.ts'
import { buildOf, thisBuild } from './builds.ts'
import { limitShare } from './limit-share.ts'
import { manyOrganisations } from './many-organisations.ts'
import { moreWorkers } from './more-workers.ts'
import { orchestration } from './orchestration.ts'
import { type BenchStack, withStack } from './stack.ts'
import { rawToCanonical, topicToTables } from './stages.ts'
import { startAndIdle } from './start-and-idle.ts'
import { type Measured, ratioLine, ratiosOf, tableOf } from './table.ts'
import type { Build, Work } from './work.ts'

const WORKS: readonly Work[] = [
  apiToTables,
  topicToTables,
  rawToCanonical,
  limitShare,
  manyOrganisations,
  moreWorkers,
  orchestration,
  startAndIdle,
]
const AGAINST_ROUNDS = 3

interface Choice {
  readonly works: readonly Work[]
  readonly size: number
  readonly rounds: number
  readonly against: string | undefined
  readonly profiles: string | undefined
  readonly json: boolean
}

class WrongUsage extends Error {}

const positive = (name: string, text: string): number => {
  const value = Number(text)
  if (value > 0) return value
  throw new WrongUsage(`--${name} is a number above 0, not ${text}`)
}

const parse = (args: readonly string[]): Choice => {
  const text = { type: 'string' } as const
  const options = { size: text, rounds: text, against: text, profiles: text, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const unknown = positionals.find((name) => !WORKS.some((work) => work.name === name))
  if (unknown !== undefined) throw new WrongUsage(`There is no ${unknown}; there are ${WORKS.map(({ name }) => name).join(', ')}`)
  const works = WORKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const fixed = values.against === undefined ? undefined : works.find(({ ofThisBuildOnly }) => ofThisBuildOnly)
  if (fixed !== undefined) throw new WrongUsage(`${fixed.name} measures this build only; name the works that --against compares`)
  return {
    works,
    size: positive('size', values.size ?? '1'),
    rounds: positive('rounds', values.rounds ?? String(values.against === undefined ? 1 : AGAINST_ROUNDS)),
    against: values.against,
    profiles: values.profiles && resolve(values.profiles),
    json: values.json ?? false,
  }
}

const write = (line: string): void => void process.stdout.write(`${line}\n`)

/** Each round all builds, one after the other, so that whatever else the machine does meets all of them. */
const measure = async (work: Work, builds: readonly Build[], choice: Choice, stack: BenchStack): Promise<readonly Measured[]> => {
  const measured: Measured[] = []
  for (let round = 1; round <= choice.rounds; round++)
    for (const build of builds) {
      process.stderr.write(`${work.name}, ${build.name}, round ${round}\n`)
      const rows = await work.run({ stack, build, size: choice.size, profiles: choice.profiles })
      measured.push(...rows.map((row) => ({ ...row, build: build.name, round })))
    }
  return measured
}

const report = (work: Work, builds: readonly Build[], rows: readonly Measured[], { size, json }: Choice): void => {
  if (json) {
    for (const row of rows) write(JSON.stringify({ type: 'measured', work: work.name, size, ...row }))
    return
  }
  write(`${work.name}  ${work.title}${size === 1 ? '' : ` (size ${size})`}`)
  for (const line of tableOf(rows)) write(line)
  const [build, base] = builds
  if (build !== undefined && base !== undefined)
    for (const ratio of ratiosOf(rows, build, base)) write(ratioLine(ratio, build, base))
  write('')
}

const main = async (choice: Choice): Promise<void> => {
  const builds = choice.against === undefined ? [thisBuild] : [thisBuild, buildOf(choice.against)]
  await withStack(async (stack) => {
    for (const work of choice.works) report(work, builds, await measure(work, builds, choice, stack), choice)
  })
}

// Workers and worktrees go when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
try {
  await main(parse(process.argv.slice(2)))
  process.exit(0)
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`)
  process.exit(error instanceof WrongUsage || error instanceof TypeError ? 2 : 1)
}
