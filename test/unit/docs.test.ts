// Holds the prose to the program: links lead somewhere, commands and flags that are named exist, generated pages are current.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { errorPage } from '../../cli/error-page.ts'
import { programFor } from '../../cli/program.ts'
import { configPage } from '../../platform/config-page.ts'
import { METRICS } from '../../platform/telemetry.ts'
import { callsIn, unknownInCall } from '../harness/calls.ts'
import { inlineCode } from '../harness/pages.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const filesBelow = (folder: string, extension: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(extension))
    .map((path) => `${folder}/${path}`)

const pages = ['README.md', 'CONTRIBUTING.md', ...filesBelow('docs', '.md')]

/** The heading's anchor as Git hosts make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

const anchorsOf = (page: string): string[] => [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

const LINK = /\]\(([^)\s]+)\)/g

/** Why a link does not lead anywhere; undefined when it does. */
const brokenLink = (page: string, link: string): string | undefined => {
  if (/^https?:/.test(link)) return undefined
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(root, target))) return `${page}: ${link} is not there`
  if (anchor !== undefined && !anchorsOf(target).includes(anchor)) return `${page}: ${link} has no such heading`
  return undefined
}

/** Code in a page: lines of its blocks, with continuations joined, and what stands between backticks. */
const codeIn = (text: string): string[] => {
  const blocks = [...text.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  return [...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')), ...inlineCode(text)]
}

describe('a page', () => {
  test.each(pages)('%s links to files and headings that exist', (page) => {
    const links = [...read(page).matchAll(LINK)].map(([, link = '']) => link)
    expect(links.flatMap((link) => brokenLink(page, link) ?? [])).toEqual([])
  })

  test.each(pages)('%s names npm scripts that exist', (page) => {
    const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')))
    const named = codeIn(read(page)).flatMap((code) => [...code.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script))
    expect(named.filter((script) => scripts[script] === undefined)).toEqual([])
  })
})

describe('the command line', () => {
  let commands: readonly Command[] = []
  beforeAll(async () => {
    commands = (await programFor('all')).commands.filter((command) => command.name() !== 'complete')
  })

  test('is found', () => {
    expect(commands.map((command) => command.name())).toContain('sync')
  })

  test.each(pages)('has every command and flag that %s names', (page) => {
    const calls = codeIn(read(page)).flatMap(callsIn)
    expect(calls.flatMap((call) => unknownInCall(commands, call) ?? [])).toEqual([])
  })

  test('is named whole in the README', () => {
    const named = new Set(
      codeIn(read('README.md'))
        .flatMap(callsIn)
        .map(([name]) => name),
    )
    expect(commands.map((command) => command.name()).filter((name) => !named.has(name))).toEqual([])
  })
})

describe('docs/configuration.md', () => {
  test('is what the settings say', () => {
    expect(read('docs/configuration.md')).toBe(configPage())
  })

  test('names every variable of ours that the program reads', () => {
    const folders = ['platform', 'local', 'cli', 'ledger', 'producers', 'processors', 'sinks', 'orchestrator', 'adapters']
    const variables = folders
      .flatMap((folder) => filesBelow(folder, '.ts'))
      .flatMap((file) => [...read(file).matchAll(/SYNCLINE_[A-Z]+(?:_[A-Z]+)*/g)].map(([variable]) => variable))
    expect([...new Set(variables)].filter((variable) => !configPage().includes(`\`${variable}\``))).toEqual([])
  })
})

test('docs/errors.md is what the table of codes says', () => {
  expect(read('docs/errors.md')).toBe(errorPage())
})

test('docs/operations.md tells of every metric what it is', () => {
  const page = read('docs/operations.md')
  const code = (label: string) => `\`${label}\``
  const rows = Object.entries(METRICS).map(
    ([name, { kind, labels, help }]) => `| ${code(name)} | ${kind} | ${labels.map(code).join(', ')} | ${help} |`,
  )
  expect(page.split('\n').filter((line) => line.startsWith('| `syncline_'))).toEqual(rows)
  const named = [...page.matchAll(/\bsyncline_\w+/g)].map(([name]) => name)
  expect(named.filter((name) => !(name in METRICS))).toEqual([])
})

test('a decision is listed in the index', () => {
  const index = read('docs/decisions/README.md')
  const decisions = filesBelow('docs/decisions', '.md').filter((page) => /\/\d{4}-/.test(page))
  expect(decisions.filter((page) => !index.includes(`(${page.replace('docs/decisions/', '')})`))).toEqual([])
})
