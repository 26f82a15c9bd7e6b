// docs/add-an-adapter.md and docs/add-an-entity.md, followed to the letter in copies of the project: what they say is enough, and what a
// server holds that the adapter reads is then in the tables.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../local/ports.ts'
import { type CopiedProject, copyProject, type Step, stepsOf } from '../harness/followed-page.ts'
import { type Shell, shellIn } from '../harness/shell.ts'
import { type Installation, newInstallation } from './installation.ts'

const STEP_TIMEOUT_MS = 300_000

let installation: Installation
const followers: Follower[] = []

interface Follower {
  readonly project: CopiedProject
  readonly shell: Shell
}

const follower = (env: NodeJS.ProcessEnv = {}): Follower => {
  const project = copyProject()
  const made = { project, shell: shellIn(project.tree, project.tree, env) }
  followers.push(made)
  return made
}

beforeAll(async () => {
  installation = await newInstallation()
})

afterAll(async () => {
  await Promise.all(followers.map(({ shell }) => shell.end()))
  await installation?.remove()
  for (const { project } of followers) project.remove()
})

const succeeds = async (shell: Shell, script: string): Promise<void> => {
  const { code, output } = await shell.run(script)
  expect(code, output).toBe(0)
}

const named = (page: string): (readonly [string | undefined, Step])[] =>
  stepsOf(page).map((step) => [step.command.text.split('\n')[0], step])

test.each([
  ['docs/add-an-adapter.md', 8, 3],
  ['docs/add-an-entity.md', 16, 3],
])('%s has files and commands to be followed, all of them', (page, files, commands) => {
  const steps = stepsOf(page)
  expect(steps.flatMap((step) => step.files)).toHaveLength(files)
  expect(steps).toHaveLength(commands)
})

describe('an adapter', () => {
  const page = 'docs/add-an-adapter.md'
  const SERVER = /^node test\/acme-server\.mjs .*$/m
  let acme: Follower
  let port: string

  beforeAll(async () => {
    port = String((await freePorts(1))[0])
    acme = follower(installation.env)
  })

  test.each(named(page))(
    '%s',
    async (_, { files, command }) => {
      acme.project.write(files)
      const script = command.text.replaceAll('4012', port)
      await (SERVER.test(script) ? acme.shell.beside(script, /http:\/\/127/) : succeeds(acme.shell, script))
    },
    STEP_TIMEOUT_MS,
  )

  const idsIn = async (table: string): Promise<readonly string[]> => {
    const { rows } = await installation.pool.query<{ external_id: string }>(
      `select external_id from canonical.${table} where (org_id, source) = ('example', 'acme') and deleted_at is null
       order by external_id::int`,
    )
    return rows.map((row) => row.external_id)
  }

  test('has every record as a row, with its fields and its parent', async () => {
    expect(await idsIn('person')).toEqual(Array.from({ length: 120 }, (_, n) => String(n + 1)))
    expect(await idsIn('email')).toHaveLength(120)
    const { rows } = await installation.pool.query(
      `select p.first_name, p.birthdate::text, p.nickname, p.custom_fields, e.address, e.location from canonical.person p
       join canonical.email e on (e.org_id, e.person_id) = (p.org_id, p.id) where p.external_id = '7'`,
    )
    const person = { first_name: 'First6', birthdate: '1956-02-03', nickname: null, custom_fields: {} }
    expect(rows).toEqual([{ ...person, address: '7.0@example.org', location: 'home' }])
  })

  test('has what is deleted there deleted here by the next reconciliation, with what was below', async () => {
    const headers = { authorization: 'Bearer acme-key' }
    const url = `http://127.0.0.1:${port}/v1/people/7`
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200)
    await succeeds(acme.shell, 'npx syncline sync --org example --strategy reconcile --with-workers')
    expect(await idsIn('person')).not.toContain('7')
    expect(await idsIn('email')).toHaveLength(119)
  })
})

describe('an entity', () => {
  const page = 'docs/add-an-entity.md'
  let reason: Follower
  beforeAll(() => {
    reason = follower()
  })

  test.each(named(page))(
    '%s',
    async (_, { files, command }) => {
      reason.project.write(files)
      await succeeds(reason.shell, command.text)
    },
    STEP_TIMEOUT_MS,
  )
})
