// `syncline discover` on real services and a simulated API that drifts: what is honest is never found to differ, each kind of drift is
// named, what is new is drafted as a file that compiles and loads, and the limit is kept.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { mkEntityManifest } from '../../manifests/entity-manifest.ts'
import type { EntityDefinition } from '../../manifests/manifest.ts'
import { pcoManifest } from '../../manifests/pco/index.ts'
import type { Drift } from '../../simulator/drift.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type CliResult, type Installation, newInstallation } from './installation.ts'

const root = resolve(import.meta.dirname, '../..')

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 500, seed: 5, rate: { limit: 200, periodSeconds: 2 } })
  await addOrg('acme', simulator.personalToken)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

beforeEach(() => simulator.drift())

const addOrg = (org: string, credential: string, url = simulator.url) =>
  installation.cli(['org', 'add', org, '--base-url', url, '--no-schedules', '--pat-stdin'], credential)

type Line = {
  readonly type: string
  readonly entity: string
  readonly answers: boolean
  readonly records: number | null
  readonly orders: readonly { readonly name: string; readonly is: string }[]
  readonly filters: readonly { readonly name: string; readonly is: string }[]
  readonly drift?: readonly { readonly of: string; readonly name: string; readonly finding: string }[]
}

/** The shape of the lines of `discover --json`. */
const linesOf = (json: CliResult['json']) => json as readonly Line[]

const foundIn = (json: CliResult['json']): readonly string[] =>
  linesOf(json)
    .flatMap(({ entity, drift = [] }) => drift.map(({ of, name, finding }) => `${entity} ${of} ${name} ${finding}`))
    .sort()

const discover = async (...args: readonly string[]) => {
  const { code, json, stderr } = await installation.cli(['discover', '--org', 'acme', '--json', ...args])
  const lines = linesOf(json)
  const of = (entity: string) => lines.find((line) => line.entity === entity)
  return { code, stderr, lines, found: foundIn(json), of }
}

/** What drifts, and what is found. */
const drifted = async (entity: string, drift: Omit<Extract<Drift, { kind: 'entity' }>, 'kind' | 'entity'>) => {
  simulator.drift({ kind: 'entity', entity: entity as 'person', ...drift }) // one of the simulator's, or it throws
  return discover('--entity', entity)
}

test('an API that is as the manifest says is exit 0, and each order and filter that can be told is honoured', async () => {
  const before = simulator.stats()
  const { code, found, lines, of, stderr } = await discover()
  expect({ code, found }, stderr).toEqual({ code: 0, found: [] })
  expect(of('person')).toMatchObject({ answers: true, records: 500 })
  expect(of('group-membership')).toMatchObject({ answers: true, records: null })
  for (const { definitions } of [pcoManifest]) {
    for (const { entity, orderable, queryable } of definitions) {
      const names = (probed: Line['orders'] = []) => probed.map(({ name }) => name).sort()
      expect(names(of(entity)?.orders), entity).toEqual([...orderable].sort())
      expect(names(of(entity)?.filters), entity).toEqual([...queryable].sort())
    }
  }
  const untold = lines.flatMap(({ entity, orders = [], filters = [] }) =>
    [...orders, ...filters].filter(({ is }) => is !== 'honoured').map(({ name }) => `${entity} ${name}`),
  )
  // Nobody was merged, and all of these are the same.
  expect(untold.filter((line) => !line.startsWith('person-merger '))).toEqual([
    'household-membership pending',
    'address country_code',
  ])
  const after = simulator.stats()
  expect(after.violations).toBe(0)
  expect(after.calls - before.calls).toBeLessThan(350)
  expect(after.byStatus['429']).toBeUndefined()
})

describe('drift is exit 3, and is named', () => {
  test.each([
    ['an attribute that comes', { adds: { pronouns: 'they' } }, ['attribute pronouns new']],
    ['attributes that no longer come', { drops: ['membership', 'grade'] }, ['attribute grade gone', 'attribute membership gone']],
    [
      'values of another type',
      { adds: { birthdate: '1.2.1980', child: 'no' } },
      ['attribute birthdate unreadable', 'attribute child unreadable'],
    ],
    ['an order that is ignored', { ignoresOrders: ['updated_at'] }, ['order updated_at ignored']],
    [
      'filters that are ignored',
      { ignoresFilters: ['created_at', 'status'] },
      ['filter created_at ignored', 'filter status ignored'],
    ],
    ['an order that is offered besides', { meta: { can_order_by: ['pronouns'] } }, ['order pronouns new']],
  ])('%s', async (_, drift, expected) => {
    const { code, found, of } = await drifted('person', drift)
    expect(code).toBe(3)
    for (const each of expected) expect(found).toContain(`person ${each}`)
    expect(of('person')?.answers).toBe(true)
  })

  test('an order and a filter that are ignored, and nothing else beside them', async () => {
    const { found } = await drifted('person', { ignoresOrders: ['created_at'], ignoresFilters: ['updated_at', 'id'] })
    expect(found).toEqual(['person filter id ignored', 'person filter updated_at ignored', 'person order created_at ignored'])
  })

  test('an order that is no longer offered, though it is honoured', async () => {
    const { found } = await drifted('campus', { meta: { can_order_by: ['created_at', 'updated_at'] } })
    expect(found).toEqual(['campus order name not-offered'])
  })

  test.each([403, 404, 'web-page'] as const)(
    'an entity that answers %s, and the others are asked all the same',
    async (answers) => {
      simulator.drift({ kind: 'entity', entity: 'email', answers })
      const { code, found, of } = await discover('--entity', 'email,campus')
      expect({ code, found }).toEqual({ code: 3, found: ['email entity email unanswered'] })
      expect(of('campus')?.answers).toBe(true)
    },
  )

  test('below a parent, too', async () => {
    const { code, found } = await drifted('group-membership', { ignoresFilters: ['role'], drops: ['joined_at'] })
    expect(code).toBe(3)
    expect(found).toEqual(
      expect.arrayContaining(['group-membership attribute joined_at gone', 'group-membership filter role ignored']),
    )
  })
})

test('of an organisation that has nothing, nothing can be told, and nothing differs', async () => {
  const empty = await startSimulator({ people: 0 })
  await addOrg('empty', empty.personalToken, empty.url)
  const { code, stdout, stderr } = await installation.cli(['discover', '--org', 'empty']).finally(() => empty.close())
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('household-membership: filter pending, person_name: there are no records')
})

test('of what a real API once answered it finds what has changed since, and nothing that has not', async () => {
  const folder = join(root, 'test/data/pco')
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  const old = await startSimulator({ from: files.map((name) => join(folder, name)) })
  await addOrg('old', old.personalToken, old.url)
  const { code, json } = await installation.cli(['discover', '--org', 'old', '--json']).finally(() => old.close())
  expect(code).toBe(3)
  expect(foundIn(json)).toEqual(
    [
      ...['blocked'].map((name) => `email attribute ${name} gone`),
      ...['country_code', 'country_name', 'street_line_1', 'street_line_2'].map((name) => `address attribute ${name} gone`),
      'address attribute street new',
      ...[
        'can_create_forms',
        'can_email_lists',
        'directory_shared_info',
        'directory_status',
        'login_identifier',
        'mfa_configured',
      ].map((name) => `person attribute ${name} gone`),
      ...['resource_permission_flags', 'stripe_customer_identifier'].map((name) => `person attribute ${name} gone`),
    ].sort(),
  )
})

test('for people it is a table, with what differs and what cannot be told', async () => {
  simulator.drift({ kind: 'entity', entity: 'address', ignoresOrders: ['city'] })
  const args = ['discover', '--org', 'acme', '--entity', 'address']
  const { stdout, stderr } = await installation.cli(args)
  expect(stdout).toContain('address: order city changes nothing in the answer')
  expect(stdout).toContain('address: order country_code: all records seen have the same value')
  expect(stderr).toContain('1 difference between')
  const narrow = await installation.cli(args, '', { COLUMNS: '40' })
  expect(
    Math.max(
      ...narrow.stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(40)
})

describe('what the manifest lacks', () => {
  const grades = ['1', '2', '3']
  const schools: Drift = {
    kind: 'list',
    path: '/people/v2/school_options',
    type: 'SchoolOption',
    attributes: grades.map((grade, i) => ({
      value: `School ${grade}`,
      sequence: 3 - i,
      beginning_grade: grade,
      ending_grade: '9',
      school_types: [],
    })),
    order: ['sequence', 'value'],
    query: ['value'],
  }

  test('is new and no drift; what does not answer is told, and is none either', async () => {
    simulator.drift(schools)
    const { code, of } = await discover('--entity', 'school-option,tab')
    expect(code).toBe(0)
    expect(of('school-option')).toMatchObject({ isNew: true, answers: true, records: 3 })
    expect(of('tab')).toMatchObject({ isNew: true, answers: false, code: 'gone' })
  })

  test('is drafted: the file compiles, the manifest takes it, and it builds on nothing that is not honoured', async () => {
    simulator.drift(schools)
    const folder = mkdtempSync(join(tmpdir(), 'syncline-drafts-'))
    try {
      // As it would stand in a clone.
      mkdirSync(join(folder, 'manifests'))
      const linked = [
        'node_modules',
        'topics',
        'platform',
        'package.json',
        ...readdirSync(join(root, 'manifests')).map((name) => `manifests/${name}`),
      ]
      for (const name of linked.filter((name) => name !== 'manifests/pco')) symlinkSync(join(root, name), join(folder, name))
      const drafts = join(folder, 'manifests', 'pco')
      const first = await discover('--entity', 'school-option,tab', '--write', drafts)
      expect(first.code, first.stderr).toBe(0)
      expect(readdirSync(drafts)).toEqual(['school-option.ts'])
      const file = join(drafts, 'school-option.ts')
      // Loaded by Node and the compiler alone, as the program would.
      const options = {
        extends: join(root, 'tsconfig.json'),
        compilerOptions: { rootDir: '/', typeRoots: [join(root, 'node_modules/@types')], noEmit: true },
        include: [file],
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
      execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { stdio: 'pipe' })
      const { schoolOption } = (await import(pathToFileURL(file).href)) as { schoolOption: EntityDefinition } // what was drafted
      const manifest = mkEntityManifest('pco', [...pcoManifest.definitions, schoolOption])
      expect(manifest.has('school-option')).toBe(true)
      // Of the orders that are documented the API honours two, of the filters one.
      expect(schoolOption).toMatchObject({
        orderable: ['sequence', 'value'],
        queryable: ['value'],
        paging: { order: 'sequence' },
      })
      const mapped = schoolOption.canonical.map(
        schoolOption.attributes.parse({ value: 'A', school_types: ['x'] }),
        {} as never,
        {} as never,
      ) // it asks for neither
      expect(mapped.fields).toMatchObject({ value: 'A', schoolTypes: '["x"]', sequence: null })

      const text = readFileSync(file, 'utf8')
      writeFileSync(file, `${text}// mine\n`)
      const second = await discover('--entity', 'school-option', '--write', drafts)
      expect(second.stderr).toContain('is there already')
      expect(readFileSync(file, 'utf8')).toBe(`${text}// mine\n`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

test.each([
  ['organisation', ['--org', 'acne'], /acme/],
  ['entity', ['--org', 'acme', '--entity', 'persn'], /person/],
  ['option', ['--org', 'acme', '--entiti', 'person'], /--entity/],
  ['folder', ['--org', 'acme', '--write', '/dev/null/drafts'], /--write/],
])('a wrong %s is exit 2 and says what to do', async (_, args, words) => {
  const result = await installation.cli(['discover', ...args])
  expect(result.code, result.stderr).toBe(2)
  expect(result.stderr).toMatch(words)
  expect(result.stderr).not.toMatch(/^\s+at /m)
})

test('a refused credential is exit 4; web pages for everything, and an address where nobody is, are exit 1 with what to look at', async () => {
  await addOrg('locked', 'app:wrong')
  expect((await installation.cli(['discover', '--org', 'locked'])).code).toBe(4)
  const site = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>Sign in</html>')).listen(
    0,
  )
  await once(site, 'listening')
  // It listens on a port of TCP.
  await addOrg('website', 'app:secret', `http://127.0.0.1:${(site.address() as AddressInfo).port}`)
  const page = await installation.cli(['discover', '--org', 'website', '--entity', 'campus,email']).finally(() => site.close())
  expect([page.code, page.stderr]).toEqual([1, expect.stringContaining('base URL')])
  await addOrg('nowhere', 'app:secret', 'http://127.0.0.1:9')
  const nobody = await installation.cli(['discover', '--org', 'nowhere'])
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('base URL')])
})
