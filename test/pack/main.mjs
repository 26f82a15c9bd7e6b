// `npm run test:pack`: what `npm pack` makes, installed in an empty folder as somebody would: the demo runs, and a program in TypeScript
// that uses the adapter library compiles against its types and reads a simulated API. Exit code 1 when something does not.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = process.cwd()
const PROGRAM = `
import { pcoAdapter } from 'syncline/adapters/pco'

const [, , baseUrl = '', id = '', secret = ''] = process.argv
const client = pcoAdapter({ auth: { type: 'pat', id, secret }, baseUrl })
let people = 0
for await (const person of client.person.list({ include: ['emails'] })) {
  const address: string | null | undefined = person.included.emails[0]?.attributes.address
  if (address !== null) people++
}
await client.close()
// @ts-expect-error: there is no such field
export const refused = () => client.person.list({ order: 'shoe_size' })
console.log(people)
`
const SETTINGS = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    outDir: 'out',
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
  },
  include: ['program.ts'],
}

/** @param {string} cwd @param {string} command @param {readonly string[]} args */
const run = (cwd, command, args) => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** @param {string} app */
const libraryWorks = async (app) => {
  writeFileSync(join(app, 'program.ts'), PROGRAM)
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(SETTINGS))
  run(app, process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', app])
  const simulator = spawn(join(app, 'node_modules', '.bin', 'syncline'), ['simulate', 'pco', '--people', '250', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = await once(createInterface(simulator.stdout), 'line')
    const { url, personalToken } = JSON.parse(line)
    const said = run(app, process.execPath, [join('out', 'program.js'), url, ...personalToken.split(':')])
    if (said.trim() !== '250') throw new Error(`The program read ${said.trim()} people of 250`)
  } finally {
    simulator.kill()
    await once(simulator, 'exit')
  }
}

const folder = mkdtempSync(join(tmpdir(), 'syncline-pack-'))
// PostgreSQL runs as another user when we are root: it may read its programs.
chmodSync(folder, 0o755)
try {
  const app = join(folder, 'app')
  mkdirSync(app)
  run(root, 'npm', ['pack', '--silent', '--pack-destination', folder])
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  run(app, 'npm', ['install', '--no-audit', '--no-fund', join(folder, tarball)])
  console.log(`${tarball} is installed`)
  await libraryWorks(app)
  console.log('a program of its own compiles against it and reads an API')
  const said = run(app, 'npx', ['syncline', 'demo', '--people', '500'])
  if (!said.includes('equal, row by row')) throw new Error(`The demo said:\n${said}`)
  console.log('the demo runs in an empty folder')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
