// Compiles the sources into dist/ and copies beside them the files that the program reads at run time.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const folders = [
  'adapters',
  'cli',
  'ledger',
  'local',
  'manifests',
  'orchestrator',
  'platform',
  'processors',
  'producers',
  'simulator',
  'sinks',
  'topics',
]
const carried = new Set(['.avsc', '.sql', '.lua', '.json', '.xml', '.properties'])

rmSync(join(root, 'dist'), { recursive: true, force: true })
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc')
const built = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })
if (built.status !== 0) process.exit(built.status ?? 1)

for (const folder of folders) {
  if (!existsSync(join(root, folder))) continue
  cpSync(join(root, folder), join(root, 'dist', folder), {
    recursive: true,
    filter: (path) => extname(path) === '' || carried.has(extname(path)),
  })
}
// Nothing where this is no checkout of its own, such as an unpacked archive inside another repository.
const git = (...words) => spawnSync('git', words, { cwd: root, encoding: 'utf8' }).stdout?.trim()
const revision = git('rev-parse', '--show-prefix') === '' ? git('rev-parse', '--short', 'HEAD') : undefined
writeFileSync(join(root, 'dist', 'build.json'), JSON.stringify({ revision: revision || undefined }))

const bin = join(root, 'dist', 'cli', 'main.js')
if (existsSync(bin)) chmodSync(bin, 0o755)
