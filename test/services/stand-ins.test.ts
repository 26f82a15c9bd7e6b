// The blocks that need Docker or a cluster, with stand-ins for both that know the project's compose file and manifests: what is typed into
// a container or a pod is run by the program itself, on the services of the test run; all else is held to name what is there.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { blocksOf } from '../harness/pages.ts'
import { type Shell, shellIn } from '../harness/shell.ts'
import { type Installation, newInstallation } from './installation.ts'

/** Each answers what the pages say to it, word by word but for names of services, files and deployments, and nothing else. */
const STAND_INS = `shopt -s expand_aliases
is_service() { grep -q "^  $1:$" docker-compose.kafka.yml; }
docker() {
  [[ "$1 $2 $3" == 'compose -f docker-compose.kafka.yml' ]]
  shift 3
  case "$*" in
    'up --build --detach') [[ $(grep -cE '^(SYNCLINE_ENCRYPTION_KEY|POSTGRES_PASSWORD)=.{32,}' .env) == 2 ]] ;;
    'up --detach --scale '*) for word; do [[ $word != *=* ]] || is_service "\${word%=*}"; done ;;
    'run --rm -T cli '*) is_service cli; shift 4; npx syncline "$@" ;;
    'exec kafka /opt/kafka/bin/kafka-consumer-groups.sh --bootstrap-server localhost:9092 --describe --all-groups') is_service kafka ;;
    *) return 125 ;;
  esac
}
kubectl() {
  case "$*" in
    'apply -f '* | 'apply -k '*) [[ -e $3 ]] ;;
    '--namespace=syncline create secret generic syncline --from-literal=database-url='*' --from-literal=encryption-key='?*)
      for word; do [[ $word != --from-literal=* ]] || { word=\${word#*=}; grep -rqF "key: \${word%%=*}" deploy/kubernetes; }; done ;;
    '--namespace=syncline rollout status deployment/sink') grep -rq '^  name: sink$' deploy/kubernetes ;;
    '--namespace=syncline exec -i deployment/fetch -- node /app/dist/cli/main.js '*)
      grep -rq '^  name: fetch$' deploy/kubernetes; shift 7; npx syncline "$@" ;;
    *) return 125 ;;
  esac
}
`

const blocks = ['docs/containers.md', 'docs/kubernetes.md'].flatMap(blocksOf).filter(({ kind }) => kind.startsWith('sh '))

let installation: Installation
let simulator: Simulator
let shell: Shell
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-stand-ins-'))
  for (const name of ['docker-compose.kafka.yml', 'deploy']) symlinkSync(resolve(name), join(folder, name))
  installation = await newInstallation()
  simulator = await startSimulator({ people: 40 })
  // At the simulator in place of the real API: the address stays when the page gives a credential.
  const added = ['org', 'add', 'acme', '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
  await installation.cli(added, simulator.personalToken)
  installation.worker('all')
  shell = shellIn(folder, '.', { ...installation.env, PASSWORD: 'a-password' }, STAND_INS)
})

afterAll(async () => {
  await shell?.end().finally(() => installation.remove())
  await simulator?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('there are six', () => expect(blocks).toHaveLength(6))

test.each(blocks.map(({ page, text }) => [page, text.split('\n')[0], text] as const))('%s: %s', async (_, _first, text) => {
  const { code, output } = await shell.run(text.replace('app-id:secret', simulator.personalToken))
  expect(code, output).toBe(0)
})
