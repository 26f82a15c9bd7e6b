// docs/add-an-adapter.md, followed to the letter in a copy of the project: its files written, its commands run; what its server holds
// is then in the tables, and what it has no more is deleted.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../local/ports.ts'
import { copyTreeInto } from '../harness/copied-tree.ts'
import { type Block, blocksOf, isRun } from '../harness/pages.ts'
import { type Shell, shellIn } from '../harness/shell.ts'
import { type Installation, newInstallation } from './installation.ts'

const blocks = blocksOf('docs/add-an-adapter.md')
const SERVER = /^node test\/acme-server\.mjs .*$/m

let tree: string
let port: string
let installation: Installation
let shell: Shell

beforeAll(async () => {
  tree = mkdtempSync(join(tmpdir(), 'syncline-adapter-'))
  copyTreeInto(tree)
  for (const block of blocks) write(block)
  port = String((await freePorts(1))[0])
  installation = await newInstallation()
  shell = shellIn(tree, tree, installation.env)
})

afterAll(async () => {
  await shell?.end()
  await installation?.remove()
  rmSync(tree, { recursive: true, force: true })
})

/** A block that names a file is the file, or what is to be changed in it. */
const write = ({ kind, text }: Block): void => {
  const [language, file] = kind.split(' ')
  if (file === undefined || language === 'sh') return
  const path = join(tree, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, language === 'diff' ? changed(readFileSync(path, 'utf8'), text) : text)
}

const changed = (before: string, diff: string): string =>
  [...diff.matchAll(/^-(.*)\n((?:^\+.*\n)+)/gm)].reduce((text, [, from = '', added = '']) => {
    if (text.split(`${from}\n`).length !== 2) throw new Error(`"${from}" is not one line of the file`)
    return text.replace(`${from}\n`, added.replaceAll(/^\+/gm, ''))
  }, before)

test('its files and commands are there to be followed', () => {
  expect(blocks.filter(({ kind }) => kind.includes('/'))).toHaveLength(8)
  expect(blocks.filter(isRun)).toHaveLength(3)
})

test.each(blocks.filter(isRun).map(({ text }) => [text.split('\n')[0], text]))('%s', async (_, text = '') => {
  const script = text.replaceAll('4012', port)
  if (SERVER.test(script)) return shell.beside(script, /http:\/\/127/)
  const { code, output } = await shell.run(script)
  expect(code, output).toBe(0)
})

const rows = async (table: string): Promise<unknown[]> =>
  (
    await installation.pool.query(
      `select external_id from canonical.${table} where (org_id, source) = ('example', 'acme') and deleted_at is null
       order by external_id::int`,
    )
  ).rows.map(({ external_id }) => external_id)

test('every record is a row, with its fields and its parent', async () => {
  expect(await rows('person')).toEqual(Array.from({ length: 120 }, (_, n) => String(n + 1)))
  expect(await rows('email')).toHaveLength(120)
  const { rows: found } = await installation.pool.query(
    `select p.first_name, p.birthdate::text, p.nickname, p.custom_fields, e.address, e.location from canonical.person p
     join canonical.email e on (e.org_id, e.person_id) = (p.org_id, p.id) where p.external_id = '7'`,
  )
  const person = { first_name: 'First6', birthdate: '1956-02-03', nickname: null, custom_fields: {} }
  expect(found).toEqual([{ ...person, address: '7.0@example.org', location: 'home' }])
})

test('what is deleted there is deleted here by the next reconciliation, with what was below', async () => {
  const headers = { authorization: 'Bearer acme-key' }
  const url = `http://127.0.0.1:${port}/v1/people/7`
  expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200)
  const { code, output } = await shell.run('npx syncline sync --org example --strategy reconcile --with-workers')
  expect(code, output).toBe(0)
  expect(await rows('person')).not.toContain('7')
  expect(await rows('email')).toHaveLength(119)
})
