// The README's tour, word by word in a fresh folder, on services of its own: each block of shell runs to its end, in order; then that of
// docs/consume.md, and the README's end. Blocks that
// are run elsewhere are marked `sh no-run`, with the reason beside them; how many there are is counted.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../local/ports.ts'
import { until } from '../harness/until.ts'

const BLOCK_TIMEOUT_MS = 300_000

interface Block {
  readonly kind: string
  readonly text: string
}

const blocksOf = (page: string): readonly Block[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```(sh[^\n]*)\n([\s\S]*?)^```/gm)].map(([, kind = '', text = '']) => ({ kind, text }))

const tour = blocksOf('README.md')
const blocks = [...tour.slice(0, -1), ...blocksOf('docs/consume.md'), ...tour.slice(-1)]

/** What a reader starts in another terminal, and what it answers when it is up. */
const BESIDE: readonly { readonly call: RegExp; readonly isUp: RegExp }[] = [
  { call: /^npx syncline simulate .*$/m, isUp: /http:\/\/127/ },
  { call: /^npx syncline worker .*$/m, isUp: /worker starts/ },
]

/** Commands that the tour only names for a case which a good run does not have: the exit code that they then end with. */
const REFUSED: Readonly<Record<string, number>> = { 'npx syncline retry ID': 2 }

let folder: string
let api: string
let webhooks: string
const besides: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-tour-'))
  // PostgreSQL runs as another user when we are root: it may pass through.
  chmodSync(folder, 0o711)
  symlinkSync(resolve('examples'), join(folder, 'examples'))
  const ports = await freePorts(2)
  ;[api = '', webhooks = ''] = ports.map(String)
})

afterAll(async () => {
  await Promise.all(besides.map(end)).finally(() => run('npx syncline down'))
  rmSync(folder, { recursive: true, force: true })
})

/** The program from this tree in place of npx, and a psql for machines without one. */
const PRELUDE = `set -euo pipefail
npx() { shift; "${process.execPath}" "${resolve('dist/cli/main.js')}" "$@"; }
psql() { "${process.execPath}" --input-type=module -e '
  const { default: pg } = await import("${resolve('node_modules/pg/esm/index.mjs')}")
  const client = new pg.Client(process.argv[1])
  await client.connect()
  for (const row of (await client.query(process.argv[3])).rows) console.log(Object.values(row).join("|"))
  await client.end()' "$@"; }
`

const environment = (): NodeJS.ProcessEnv => {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SYNCLINE_') || name === 'SYNCLINE_CACHE')
  return { ...Object.fromEntries(own), SYNCLINE_WEBHOOKS_PORT: webhooks, BUILD_DIR: join(folder, 'build') }
}

const start = (script: string): { child: ChildProcess; output: () => string } => {
  const parts: string[] = []
  const child = spawn('bash', ['-c', PRELUDE + script], { cwd: folder, env: environment(), detached: true })
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => void parts.push(part.toString()))
  return { child, output: () => parts.join('') }
}

const run = async (script: string): Promise<{ code: number | null; output: string }> => {
  const { child, output } = start(script)
  const [code] = await once(child, 'close')
  return { code, output: output() }
}

/** The shell and what it started are one group: they are told to end, then made to, so that none outlives the test. */
const end = async (child: ChildProcess): Promise<void> => {
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

/** With this machine's free ports, and the run that a reader would take from the list. */
const localised = (text: string, runId: string): string =>
  Object.entries(REFUSED)
    .reduce(
      (script, [call, code]) =>
        script.replace(new RegExp(`^${call}.*?(?= +#|$)`, 'gm'), (line) => `${line} || [[ $? == ${code} ]]`),
      text,
    )
    .replaceAll('4010', api)
    .replaceAll('8480', webhooks)
    .replaceAll(/\bID\b/g, runId)

test('one block is not run here', () => {
  const left = blocks.filter(({ kind }) => kind !== 'sh')
  expect(left.map(({ kind }) => kind.replace(/:.*/, ''))).toEqual(left.map(() => 'sh no-run'))
  expect(left.length).toBe(1)
  expect(blocks.length - left.length).toBe(10)
})

test.each(blocks.filter(({ kind }) => kind === 'sh').map(({ text }) => [text.split('\n')[0], text]))(
  '%s',
  async (_, text = '') => {
    const runId = /\bID\b/.test(text)
      ? (await run('npx syncline runs --org acme --limit 1 --json')).output.match(/"runId":"([^"]+)"/)?.[1]
      : ''
    expect(runId).toBeDefined()
    for (const { call, isUp } of BESIDE) {
      const line = call.exec(text)?.[0]
      if (line === undefined) continue
      const { child, output } = start(localised(line, ''))
      besides.push(child)
      await until(line, () => isUp.test(output()))
    }
    const rest = BESIDE.reduce((script, { call }) => script.replace(call, ''), text)
    const { code, output } = await run(localised(rest, runId ?? ''))
    expect(code, output).toBe(0)
  },
  BLOCK_TIMEOUT_MS,
)
