// The documentation's commands, word by word in a fresh folder, on services of its own, but for sizes: each block of shell runs to its end,
// in the order in which a reader comes to it. What is run elsewhere, or cannot be, is marked `sh no-run` with the reason, and counted.
import { chmodSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../local/ports.ts'
import { browser } from '../harness/consent.ts'
import { fetchKafkaTools, GROUP_TOOL, type KafkaTools } from '../harness/kafka-tools.ts'
import { type Block, blocksOf, isRun, isShell } from '../harness/pages.ts'
import { type Shell, shellIn } from '../harness/shell.ts'

const BLOCK_TIMEOUT_MS = 300_000

const readme = blocksOf('README.md')
const PAGES = ['consume', 'adapter-library', 'operations', 'field-rules', 'audit', 'connect-pco'].map((name) => `docs/${name}.md`)
const blocks = [...readme.slice(0, -1), ...PAGES.flatMap(blocksOf), ...readme.slice(-1)].filter(isRun)

/** Followed by a test of its own. */
const ELSEWHERE = ['docs/add-an-adapter.md', 'docs/add-an-entity.md']

/** What a reader starts in another terminal, and what it answers when it is up. Workers end with their page. */
const BESIDE: readonly { readonly call: RegExp; readonly isUp: RegExp }[] = [
  { call: /^npx syncline simulate [^#\n]*/m, isUp: /http:\/\/127/ },
  { call: /^npx syncline worker [^#\n]*/m, isUp: /worker starts/ },
]

/** Commands that the tour only names for a case which a good run does not have: the exit code that they then end with. */
const REFUSED: Readonly<Record<string, number>> = { 'npx syncline retry ID': 2 }

let folder: string
let tools: KafkaTools
let shell: Shell
/** Free ports of this machine for those that the pages name: each page has its own, but for those that go on where the README ends. */
let ports: Readonly<Record<string, Readonly<Record<string, string>>>>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-tour-'))
  // PostgreSQL runs as another user when we are root: it may pass through.
  chmodSync(folder, 0o711)
  symlinkSync(resolve('examples'), join(folder, 'examples'))
  const [api = '', webhooks = '', library = '', trial = '', callback = ''] = (await freePorts(5)).map(String)
  ports = {
    'README.md': { 4010: api, 8480: webhooks },
    'docs/adapter-library.md': { 4011: library },
    'docs/connect-pco.md': { 4010: trial, 4020: callback },
  }
  tools = await fetchKafkaTools()
  shell = shellIn(
    folder,
    '.',
    // The simulated personal token and app, as `simulate` prints them.
    { SYNCLINE_WEBHOOKS_PORT: webhooks, BUILD_DIR: join(folder, 'build'), APP_ID: 'simulated-app', SECRET: 'simulated-secret' },
    `kafka-consumer-groups.sh() { '${tools.java}' -Xmx128m -cp '${tools.classPath}' ${GROUP_TOOL} "$@"; }\n`,
  )
})

afterAll(async () => {
  await shell?.end().finally(() => shell.run('npx syncline down'))
  tools?.remove()
  rmSync(folder, { recursive: true, force: true })
})

const lastRun = async (): Promise<string> =>
  (await shell.run('npx syncline runs --org acme --limit 1 --json')).output.match(/"runId":"([^"]+)"/)?.[1] ?? ''

const head = async (): Promise<string> => {
  const { output } = await shell.run('npx syncline audit --head --org acme --json')
  return `${output.match(/"seq":"?(\d+)/)?.[1]}:${output.match(/"hash":"([^"]+)"/)?.[1]}`
}

/** What a reader has put in place of the names that stand for something: ids, ports, secrets, and the simulator for the real API. */
const localised = async ({ page, text }: Block): Promise<string> => {
  const withPorts = Object.entries(ports[page] ?? ports['README.md'] ?? {}).reduce(
    (all, [from, to]) => all.replaceAll(from, to),
    text,
  )
  const accepted = Object.entries(REFUSED).reduce(
    (all, [call, code]) => all.replace(new RegExp(`^${call}.*?(?= +#|$)`, 'gm'), (line) => `${line} || [[ $? == ${code} ]]`),
    withPorts,
  )
  const atSimulator = `--base-url http://127.0.0.1:${ports['README.md']?.['4010']}`
  return accepted
    .replaceAll(/\bID\b/g, /\bID\b/.test(text) ? await lastRun() : '')
    .replaceAll('SEQ:HASH', text.includes('SEQ:HASH') ? await head() : '')
    .replaceAll('--before 2026-01-01', `--before ${new Date().toISOString()}`)
    .replaceAll('CLIENT_ID=…', 'CLIENT_ID=simulated-client')
    .replaceAll('CLIENT_SECRET=…', 'CLIENT_SECRET=simulated-client-secret')
    .replaceAll('--people 5000', '--people 500')
    .replaceAll('--rate 100/2', '--rate 2000/2')
    .replaceAll(/org (add|connect) acme(?!.*--base-url)/g, `$& ${atSimulator}`)
    .replaceAll(/org connect \w+(?!.*--listen)/g, `$& --listen 127.0.0.1:${ports['docs/connect-pco.md']?.['4020']}`)
}

test('every block of every page is run here, or elsewhere, or says why not', () => {
  const pages = [
    'README.md',
    'CONTRIBUTING.md',
    ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((path) => `docs/${path}`),
  ]
  const shells = pages.filter((path) => path.endsWith('.md')).flatMap((page) => blocksOf(page).filter(isShell))
  const left = shells.filter((block) => !isRun(block))
  expect(left.filter(({ kind }) => !/^sh no-run: \S/.test(kind))).toEqual([])
  expect(Object.fromEntries(left.map(({ page }) => [page, left.filter((each) => each.page === page).length]))).toEqual({
    'README.md': 1,
    'docs/add-an-entity.md': 1,
    'docs/containers.md': 4,
    'docs/kubernetes.md': 2,
  })
  const run = new Set([...blocks.map(({ page }) => page), ...ELSEWHERE])
  expect(shells.filter((block) => isRun(block) && !run.has(block.page))).toEqual([])
  expect(blocks).toHaveLength(24)
})

/** Variables that the reader's shell has from the blocks before. */
const exported = new Map<string, string>()

/** What ends the workers of a page. */
const workers = new Map<string, () => Promise<void>>()

const endWorkersBefore = async (page: string): Promise<void> => {
  for (const [of, end] of workers) if (of !== page && workers.delete(of)) await end()
}

const runBlock = async (block: Block): Promise<void> => {
  const script = await localised(block)
  await endWorkersBefore(block.page)
  for (const { call, isUp } of BESIDE) {
    const line = call.exec(script)?.[0]
    if (line === undefined) continue
    const end = await shell.beside(line, isUp)
    if (line.includes(' worker ')) workers.set(block.page, end)
  }
  const rest = BESIDE.reduce((text, { call }) => text.replace(call, ''), script)
  const before = exported.get(block.page) ?? ''
  exported.set(block.page, before + [...rest.matchAll(/^export .*\n/gm)].join(''))
  const { code, output } = await shell.run(before + rest, browser(`http://127.0.0.1:${ports['docs/connect-pco.md']?.['4020']}`))
  expect(code, output).toBe(0)
}

test.each(blocks.map((block) => [block.page, block.text.split('\n')[0], block] as const))(
  '%s: %s',
  async (page, _, block) => {
    // The README has paused it.
    if (page === PAGES[0]) expect((await shell.run('npx syncline resume --org acme')).code).toBe(0)
    await runBlock(block)
  },
  BLOCK_TIMEOUT_MS,
)
