// `npm run test:breaks [-- N…]`: breaks a copy of the code on purpose, invariant by invariant, and runs the case that must notice.
// Exit code 1 when one did not: a check that cannot fail. Takes some minutes; belongs to changes of the harness, not to each commit.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyTreeInto } from '../harness/copied-tree.ts'
import { BREAKS, type Break } from './breaks.ts'
import { sharedStack } from './shared-stack.ts'

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const breakIn = (dir: string, { file, from, to }: Break): void => {
  const path = join(dir, file)
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) throw new Error(`"${from}" is not once in ${file}: test/faults/breaks.ts is to follow it`)
  writeFileSync(path, text.split(from).join(to))
}

const signOf = (red: Break['red'][number]): RegExp =>
  red === 'end' ? /^ {2}(Not within \d+ ms: the run ends$|The run does not end while)/m : new RegExp(`^ {2}${red}: `, 'm')

/** Undefined when the case noticed, in the check that was to; else what it said. */
const unnoticed = (broken: Break, home: string): string | undefined => {
  const dir = mkdtempSync(join(tmpdir(), 'syncline-break-'))
  try {
    copyTreeInto(dir)
    breakIn(dir, broken)
    const command = ['run', '--silent', 'test:faults', '--', '--lanes', '1', ...broken.cases.flatMap((id) => ['--case', id])]
    const env = { ...process.env, SYNCLINE_TEST_STACK: home }
    const { stdout, stderr } = spawnSync('npm', command, { cwd: dir, encoding: 'utf8', env })
    return broken.red.some((red) => signOf(red).test(stdout)) ? undefined : stdout + stderr
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const main = async (): Promise<void> => {
  const numbers = process.argv.slice(2).map(Number)
  const breaks = BREAKS.filter(({ invariant }) => numbers.length === 0 || numbers.includes(invariant))
  const stack = await sharedStack()
  try {
    for (const broken of breaks) {
      const said = unnoticed(broken, stack.home)
      const where = `${broken.red.join(' or ')} of ${broken.cases.at(-1)}`
      print(`${said === undefined ? 'red    ' : 'NOT RED'}  ${broken.invariant}  ${broken.mistake} (${where})`)
      if (said === undefined) continue
      print(said)
      process.exitCode = 1
    }
  } finally {
    await stack.stop()
  }
}

await main()
