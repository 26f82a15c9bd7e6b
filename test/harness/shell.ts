// Commands of the documentation, run by bash in a folder as a reader would, with the program of a tree in place of `npx syncline` and psql where
// there is none. What goes on beside them is ended with the shell.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { until } from './until.ts'

interface Ran {
  readonly code: number | null
  readonly output: string
}

/** What a reader does meanwhile; is given all that was said so far. A rejection ends the command. */
type Meanwhile = (output: string) => Promise<void> | void

export interface Shell {
  /** To its end. */
  run(script: string, meanwhile?: Meanwhile): Promise<Ran>
  /** What a reader starts in another terminal; resolves when it has said that it is up, to what ends it. */
  beside(script: string, isUp: RegExp): Promise<() => Promise<void>>
  /** Ends what has not ended. */
  end(): Promise<void>
}

const preludeOf = (tree: string): string => `set -euo pipefail
npx() { if [[ $1 == syncline ]]; then shift; "${process.execPath}" "${resolve(tree, 'dist/cli/main.js')}" "$@"; else command npx "$@"; fi; }
psql() { "${process.execPath}" --input-type=module -e '
  const { default: pg } = await import("${resolve('node_modules/pg/esm/index.mjs')}")
  const client = new pg.Client(process.argv[1])
  await client.connect()
  for (const { rows } of [await client.query(process.argv[3])].flat())
    for (const row of rows) console.log(Object.values(row).join("|"))
  await client.end()' "$@"; }
`

/** Nothing of ours comes from outside but where downloads are kept. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SYNCLINE_') || name === 'SYNCLINE_CACHE'))

/** `prelude`: functions of bash besides. */
export const shellIn = (folder: string, tree: string, env: NodeJS.ProcessEnv, prelude = ''): Shell => {
  const children = new Set<ChildProcess>()

  const start = (script: string, onOutput: (output: string) => void = () => undefined) => {
    let output = ''
    const child = spawn('bash', ['-c', preludeOf(tree) + prelude + script], {
      cwd: folder,
      env: { ...inherited(), ...env },
      detached: true,
    })
    children.add(child)
    const ended = once(child, 'close').then(([code]) => {
      children.delete(child)
      return { code, output }
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part: Buffer) => {
        output += part.toString()
        onOutput(output)
      })
    }
    return { child, ended, output: () => output }
  }

  return {
    run: (script, meanwhile = () => undefined) =>
      new Promise((resolve, reject) => {
        const { child, ended } = start(script, (output) => {
          Promise.resolve(meanwhile(output)).catch((error: unknown) => void endGroup(child).then(() => reject(error)))
        })
        ended.then(resolve, reject)
      }),
    beside: async (script, isUp) => {
      const { child, output } = start(script)
      await until(`${script} is up`, () => {
        if (child.exitCode !== null) throw new Error(`${script} has ended: ${output()}`)
        return isUp.test(output())
      })
      return () => endGroup(child)
    },
    end: async () => void (await Promise.all([...children].map(endGroup))),
  }
}

/** The shell and what it started are one group: they are told to end, then made to, so that none outlives the test. */
const endGroup = async (child: ChildProcess): Promise<void> => {
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return child.pid !== undefined && process.kill(-child.pid, name)
    } catch {
      return false
    }
  }
  signal('SIGTERM')
  try {
    await until('it has ended', () => !signal(0), 15_000)
  } finally {
    signal('SIGKILL')
  }
}
