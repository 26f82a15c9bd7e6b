// `npm run test:pack`: what `npm pack` makes, installed in an empty folder as somebody would: the demo runs, and a program in TypeScript
// that uses the adapter library compiles against its types, reads a simulated API, and loads neither Kafka nor PostgreSQL nor Redis. Exit
// code 1 when something does not.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** Where the files of the library are, in the folder of installed packages: ours, and packages with what they bring along. */
const LIBRARY =
  /^(syncline\/dist\/(adapters|manifests|platform|topics)|zod|node-fetch|data-uri-to-buffer|fetch-blob|formdata-polyfill|node-domexception)\//

/** @param {string} cwd @param {string} command @param {readonly string[]} args @param {Readonly<Record<string, string>>} env */
const run = (cwd, command, args, env = {}) => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, ...env } })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** The installed files that a program loaded, by whatever kind of import: the coverage that Node wrote names them. */
const filesLoaded = (/** @type {string} */ coverage) =>
  readdirSync(coverage)
    .flatMap((name) => JSON.parse(readFileSync(join(coverage, name), 'utf8')).result)
    .flatMap(({ url }) => url.split('/node_modules/').slice(1, 2))

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
    const said = run(app, process.execPath, [join('out', 'program.js'), url, ...personalToken.split(':')], {
      NODE_V8_COVERAGE: join(app, 'coverage'),
    })
    if (said.trim() !== '250') throw new Error(`The program read ${said.trim()} people of 250`)
    const loaded = filesLoaded(join(app, 'coverage'))
    if (!loaded.includes('syncline/dist/adapters/pco/index.js')) throw new Error('What the program loaded is not known')
    const others = loaded.filter((file) => !LIBRARY.test(file))
    if (others.length > 0) throw new Error(`The library loads what it is to do without:\n${others.join('\n')}`)
    console.log(`it loads ${loaded.length} files, and none of a service`)
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
