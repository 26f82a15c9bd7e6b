// Commands of the documentation, run by bash in a folder as a reader would, with the program of a tree in place of npx and psql where
// there is none. What goes on beside them is ended with the shell.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { until } from './until.ts'

interface Ran {
  readonly code: number | null
  readonly output: string
}

export interface Shell {
  /** To its end. `onOutput` is given all that was said so far. */
  run(script: string, onOutput?: (output: string) => void): Promise<Ran>
  /** What a reader starts in another terminal; resolves when it has said that it is up. */
  beside(script: string, isUp: RegExp): Promise<void>
  /** Ends what was started beside. */
  end(): Promise<void>
}

const preludeOf = (tree: string): string => `set -euo pipefail
npx() { shift; "${process.execPath}" "${resolve(tree, 'dist/cli/main.js')}" "$@"; }
psql() { "${process.execPath}" --input-type=module -e '
  const { default: pg } = await import("${resolve('node_modules/pg/esm/index.mjs')}")
  const client = new pg.Client(process.argv[1])
  await client.connect()
  for (const row of (await client.query(process.argv[3])).rows) console.log(Object.values(row).join("|"))
  await client.end()' "$@"; }
`

/** Nothing of ours comes from outside but where downloads are kept. */
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SYNCLINE_') || name === 'SYNCLINE_CACHE'))

/** `prelude`: functions of bash besides. */
export const shellIn = (folder: string, tree: string, env: NodeJS.ProcessEnv, prelude = ''): Shell => {
  const besides: ChildProcess[] = []

  const start = (script: string, onOutput: (output: string) => void = () => undefined) => {
    let output = ''
    const child = spawn('bash', ['-c', preludeOf(tree) + prelude + script], {
      cwd: folder,
      env: { ...inherited(), ...env },
      detached: true,
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part: Buffer) => {
        output += part.toString()
        onOutput(output)
      })
    }
    return { child, output: () => output }
  }

  return {
    run: async (script, onOutput) => {
      const { child, output } = start(script, onOutput)
      const [code] = await once(child, 'close')
      return { code, output: output() }
    },
    beside: async (script, isUp) => {
      const { child, output } = start(script)
      besides.push(child)
      await until(`${script} is up`, () => {
        if (child.exitCode !== null) throw new Error(`${script} has ended: ${output()}`)
        return isUp.test(output())
      })
    },
    end: async () => void (await Promise.all(besides.map(endGroup))),
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
