// The commands in sentences and tables of README and docs/, each run as it stands there, in the state that it is for: what a page names is
// filled in, the command ends with 0 or the code that the page tells. Those that a block of a page runs already are left to that.
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { programFor } from '../../cli/program.ts'
import { freePorts } from '../../local/ports.ts'
import { browser } from '../harness/consent.ts'
import { callsOfBlocks, inlineCommands, leftToRun } from '../harness/inline-commands.ts'
import { blocksOf, isRun } from '../harness/pages.ts'
import { type Shell, shellIn } from '../harness/shell.ts'
import { type Churches, churchesIn, type State } from './churches.ts'
import { type Installation, newInstallation, until } from './installation.ts'

/** Decisions tell of what was, not what to type. */
const pages = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.startsWith('decisions/'))
    .map((path) => `docs/${path}`),
]

/** Begin like a command and are none. */
const PROSE = [
  'acme/pco is connected',
  'connection has to be authorised again',
  'length in bytes:text',
  'with (security_invoker)',
]

/** Not run by any test, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'docker build -t registry.example.org/syncline:0.1.0 .': 'it needs Docker',
  'docker volume ls': 'it needs Docker',
  'docker-compose config': 'it needs a compose client: test/unit/compose.test.ts runs it where there is one',
  'kubectl kustomize': 'it needs kubectl',
  'ssh -L 4020:127.0.0.1:4020 server': 'it needs another machine',
  'npm run bench -- --peers DIRECTORY': 'the other systems are not part of this project',
  'run.sh W1': 'the other systems are not part of this project',
}

const linesOf = (script: string): readonly string[] => readFileSync(script, 'utf8').split('\n')

const inCi = linesOf('.ci/run').map((line) => line.split(/[\s'"]+/))
/** With all of its words, at a smaller size perhaps. */
const isRunInCi = (text: string): boolean => inCi.some((line) => text.split(' ').every((word) => line.includes(word)))

const ofTheNight = linesOf('.ci/long').flatMap((line) => /^long (.*)/.exec(line)?.[1] ?? [])
/** Too long for `.ci/run`: as it stands in the page, a word for each that stands for something. */
const isRunAtNight = (text: string): boolean =>
  ofTheNight.some((line) => new RegExp(`^${text.replace(/\b(?:REVISION|ID)\b/, '\\S+')}$`).test(line))

const blocks = pages.flatMap(blocksOf).filter(isRun)
const found = inlineCommands(pages)
const { commands } = await programFor('all')
const left = leftToRun(
  found.filter((text) => !PROSE.includes(text)),
  callsOfBlocks(blocks),
  commands,
).filter((text) => NOT_RUN[text] === undefined && !(text.startsWith('npm ') && (isRunAtNight(text) || isRunInCi(text))))

/** A consumer that hangs while it joins its group is found after 180 s; then all goes on. */
const TIMEOUT_MS = 300_000

const isWorker = (text: string): boolean => /syncline worker /.test(text)

let installation: Installation
let churches: Churches
let shell: Shell
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-inline-'))
  symlinkSync(resolve('dist'), join(folder, 'dist'))
  installation = await newInstallation()
  churches = await churchesIn(installation)
  const app = { SYNCLINE_OAUTH_CLIENT_ID: churches.app.clientId, SYNCLINE_OAUTH_CLIENT_SECRET: churches.app.clientSecret }
  const env = { ...installation.env, ...app, SYNCLINE_WEBHOOKS_URL: 'https://hooks.example.org', TOKEN: churches.token }
  shell = shellIn(folder, '.', env, 'syncline() { npx syncline "$@"; }\nshopt -s expand_aliases\n')
})

afterAll(async () => {
  await shell?.end().finally(() => installation.remove())
  await churches?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What makes the state that a command is for; the first that fits. What fits none is for an organisation that was synced. */
const STATES: readonly (readonly [RegExp, () => Promise<State>])[] = [
  [/reconcile (?:show|approve) /, () => churches.withDeletionsWaiting()],
  [/(?:pause|cancel|status) --run /, () => churches.withRunUnderWay()],
  [/resume --run /, () => churches.withRunPaused()],
  [/resume --org /, () => churches.paused()],
  [/retry /, () => churches.withRunFailed()],
  [/dlq /, () => churches.withDeadLetter()],
  [/sync .*--wait/, async () => ({ ...(await churches.unauthorised()), code: 4 })],
  [/sync |org (?:add|connect|forget|remove) /, () => churches.connected()],
  [/show |verify /, () => churches.withRunEnded()],
]

const stateFor = (text: string): Promise<State> =>
  (STATES.find(([call]) => call.test(text))?.[1] ?? (async () => churches.synced))()

/** As it stands in the page, but for the names that stand for something, sizes, and ports. */
const filledIn = (text: string, { org, id = org }: State): string =>
  text
    .replace(/(--org|org \w+) ID\b/, `$1 ${org}`)
    .replace(/\b(?:acme|example)\b/, org)
    .replace(/\b(?:ID|RUN)\b/, id)
    .replace(/--export FILE\b/, `--export ${org}.jsonl`)
    .replace(/\bFILE\b/, 'state.jsonl')
    .replace(/\bWHEN\b/, new Date().toISOString())
    .replace(/--people \d+/, '--people 200')
    .replace(/org connect .*/, '$& --listen 127.0.0.1:0')

/** What a reader types before it or into it, or after it to see what it has done. */
const typed = (text: string, filled: string): string => {
  if (/^(?:select|set) /.test(text)) return `psql "$SYNCLINE_DATABASE_URL" -c "${filled}"`
  if (text.startsWith('alias ')) return `${filled}\nsyncline --version`
  if (text.includes('--pat-stdin')) return `echo "$TOKEN" | ${filled}`
  if (text.includes('state import')) return `syncline state export > state.jsonl\n${filled}`
  return filled
}

describe('in sentences and tables', () => {
  test('is no command that no test runs, but those that are listed with a reason', () => {
    for (const [text, why] of Object.entries(NOT_RUN)) process.stderr.write(`not run: ${text}: ${why}\n`)
    expect([...PROSE, ...Object.keys(NOT_RUN)].filter((text) => !found.includes(text))).toEqual([])
    expect(left.length).toBeGreaterThan(30)
  })

  test.concurrent.for(left.filter((text) => !isWorker(text)))('%s', { timeout: TIMEOUT_MS }, async (text, { onTestFailed }) => {
    const [state, open] = [await stateFor(text), browser()]
    let said = ''
    onTestFailed(() => void process.stderr.write(`${text} said: ${said}\n`))
    const { code } = await shell.run(typed(text, filledIn(text, state)), (output) => {
      said = output
      return open(output)
    })
    expect(code).toBe(state.code ?? 0)
  })

  test.concurrent.each(left.filter(isWorker))('%s', async (text) => {
    const [port = 0] = await freePorts(1)
    const words = text
      .replace(/.*syncline worker /, '')
      .replace('9464', String(port))
      .split(' ')
    const worker = installation.workerWith({ SYNCLINE_WEBHOOKS_PORT: '0' }, ...words)
    await until(`${text} is up`, () => {
      expect(worker.isRunning(), worker.log()).toBe(true)
      return worker.log().includes('worker starts')
    })
    if (words.includes('--port'))
      await until(
        'it is ready',
        async () => (await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined))?.status === 200,
      )
    expect(await worker.stop(), worker.log()).toBe(0)
  })
})
