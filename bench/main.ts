// Runs the benchmarks that are asked for, on this build or on two in turns, and prints a table for each. Progress goes to stderr.
// Usage: npm run bench -- [W1 W2 …] [--size 0.1] [--rounds N] [--against REVISION] [--peers DIRECTORY] [--profiles DIRECTORY] [--json]
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '../platform/errors.ts'
import { apiToTables } from './api-to-tables.ts'
import { besidePeers, COMPARISONS, comparisonOf } from './beside-peers.ts'
import { buildOf, thisBuild } from './builds.ts'
import { limitShare } from './limit-share.ts'
import { manyOrganisations } from './many-organisations.ts'
import { moreWorkers } from './more-workers.ts'
import { orchestration } from './orchestration.ts'
import { type Peers, peersIn } from './peers.ts'
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
  readonly peers: string | undefined
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
  const options = { size: text, rounds: text, against: text, peers: text, profiles: text, json: { type: 'boolean' } } as const
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const unknown = positionals.find((name) => !WORKS.some((work) => work.name === name))
  if (unknown !== undefined) throw new WrongUsage(`There is no ${unknown}; there are ${WORKS.map(({ name }) => name).join(', ')}`)
  const isCompared = ({ name }: Work) => values.peers === undefined || name in COMPARISONS
  const alone = WORKS.find((work) => positionals.includes(work.name) && !isCompared(work))
  if (alone !== undefined)
    throw new WrongUsage(`No peer does ${alone.name}; --peers goes with ${Object.keys(COMPARISONS).join(', ')}`)
  if (values.peers !== undefined && values.against !== undefined) throw new WrongUsage('--peers and --against do not go together')
  const works = WORKS.filter((work) => (positionals.length === 0 ? isCompared(work) : positionals.includes(work.name)))
  const fixed = values.against === undefined ? undefined : works.find(({ ofThisBuildOnly }) => ofThisBuildOnly)
  if (fixed !== undefined) throw new WrongUsage(`${fixed.name} measures this build only; name the works that --against compares`)
  return {
    works,
    size: positive('size', values.size ?? '1'),
    rounds: positive('rounds', values.rounds ?? String(values.against === undefined ? 1 : AGAINST_ROUNDS)),
    against: values.against,
    peers: values.peers && resolve(values.peers),
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

const head = ({ name, title }: Work, { size }: Choice): string => `${name}  ${title}${size === 1 ? '' : ` (size ${size})`}`

const report = (work: Work, builds: readonly Build[], rows: readonly Measured[], choice: Choice): void => {
  if (choice.json) {
    for (const row of rows) write(JSON.stringify({ type: 'measured', work: work.name, size: choice.size, ...row }))
    return
  }
  const [build, base] = builds
  const ratios =
    build === undefined || base === undefined ? [] : ratiosOf(rows, build, base).map((ratio) => ratioLine(ratio, build, base))
  for (const line of [head(work, choice), ...tableOf(rows), ...ratios, '']) write(line)
}

/** Ours and then theirs, on the same services. */
const measureBeside = async (work: Work, peers: Peers, choice: Choice, stack: BenchStack): Promise<void> => {
  const { size, profiles, json } = choice
  const comparison = comparisonOf(work.name)
  process.stderr.write(`${work.name}, ours\n`)
  const rows = await work.run({ stack, build: thisBuild, size, peers, profiles })
  process.stderr.write(`${work.name}, the peers'\n`)
  const theirs = await peers.measure(work.name, Math.round(comparison.records * size))
  if (json) {
    for (const row of rows) write(JSON.stringify({ type: 'measured', work: work.name, size, ...row }))
    for (const row of theirs) write(JSON.stringify({ type: 'peer', work: work.name, size, ...row }))
    return
  }
  for (const line of [head(work, choice), ...besidePeers(rows, theirs, comparison), '']) write(line)
}

const main = async (choice: Choice): Promise<void> => {
  const builds = choice.against === undefined ? [thisBuild] : [thisBuild, buildOf(choice.against)]
  await withStack(async (stack) => {
    const peers = choice.peers === undefined ? undefined : peersIn(choice.peers, stack.addresses)
    for (const work of choice.works) {
      if (peers === undefined) report(work, builds, await measure(work, builds, choice, stack), choice)
      else for (let round = 1; round <= choice.rounds; round++) await measureBeside(work, peers, choice, stack)
    }
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
