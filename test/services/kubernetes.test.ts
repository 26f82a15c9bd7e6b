// The files of deploy/kubernetes on real things: the schemas of Kubernetes, by kubernetes-validate, and workers that have no more in
// their environment than their Deployment gives them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../local/ports.ts'
import { commonSettings, type Deployment, deployments, FOLDER, resourceFiles } from '../harness/manifests.ts'
import { type Installation, newInstallation, until } from './installation.ts'

const VALIDATOR = 'kubernetes-validate==1.37.0'
const INSTALL_TIMEOUT_MS = 300_000
/** Kinds that are not built in: their schemas are KEDA's. */
const WITHOUT_SCHEMA = ['ScaledObject']

const run = (command: string, ...args: readonly string[]) =>
  spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS })

const folder = mkdtempSync(join(tmpdir(), 'syncline-kubernetes-'))
const venv = join(folder, 'venv')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Why there is no validator; undefined when it is installed. */
const installValidator = (): string | undefined => {
  if (run('python3', '-m', 'venv', venv).status !== 0) return '`python3 -m venv` does not run here'
  const installed = run(join(venv, 'bin', 'pip'), 'install', '--quiet', VALIDATOR)
  return installed.status === 0 ? undefined : `pip cannot install ${VALIDATOR}`
}

const missing = installValidator()

describe(`the schemas of Kubernetes${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  test.skipIf(missing !== undefined).each(resourceFiles())('%s is as they want it', (name) => {
    const { status, stdout, stderr } = run(join(venv, 'bin', 'kubernetes-validate'), '--strict', join(FOLDER, name))
    const said = `${stdout}${stderr}`
    expect(status, said).toBe(0)
    expect(said).toContain('passed for resource')
    const unknown = [...said.matchAll(/Couldn't find schema for kind (\w+)/g)].map(([, kind = '']) => kind)
    expect(unknown.filter((kind) => !WITHOUT_SCHEMA.includes(kind))).toEqual([])
  })
})

const noKubectl = run('kubectl', 'version', '--client').status !== 0

test.skipIf(noKubectl)(`kubectl puts them together${noKubectl ? ' (skipped: no kubectl here)' : ''}`, () => {
  const { status, stdout, stderr } = run('kubectl', 'kustomize', FOLDER)
  expect(status, stderr).toBe(0)
  const images = [...stdout.matchAll(/^ +image: (\S+)$/gm)].map(([, image]) => image)
  expect(images).toEqual(deployments().map(() => expect.stringMatching(/^registry\.example\.org\/syncline:/)))
  // Named by its content, so that a change of it rolls the pods.
  expect(new Set([...stdout.matchAll(/^ +name: (syncline-[a-z0-9]{10})$/gm)].map(([, name]) => name)).size).toBe(1)
})

describe('a worker with what its Deployment gives it', () => {
  let installation: Installation
  beforeAll(async () => {
    installation = await newInstallation()
  })
  afterAll(() => installation?.remove())

  /** What every process of the installation has and this Deployment does not give: empty, which is as if it were not set. */
  const withheldFrom = (deployment: Deployment): Record<string, string> => {
    const required = deployment.spec.template.spec.containers[0].env.filter((each) => !each.valueFrom?.secretKeyRef.optional)
    const given = new Set([...Object.keys(commonSettings()), ...required.map(({ name }) => name), 'SYNCLINE_TOPIC_PREFIX'])
    return Object.fromEntries(
      Object.keys(installation.env)
        .filter((name) => !given.has(name))
        .map((name) => [name, '']),
    )
  }

  test.each(deployments())('$metadata.name comes up and is ready', async (deployment) => {
    const { args, livenessProbe, readinessProbe } = deployment.spec.template.spec.containers[0]
    const [, ...roles] = args
    const [port = 0, webhooksPort = 0] = await freePorts(2)
    // A home without a stack, or the worker would find there what it was not given.
    const own = { SYNCLINE_METRICS_PORT: String(port), SYNCLINE_WEBHOOKS_PORT: String(webhooksPort), SYNCLINE_HOME: folder }
    const worker = installation.workerWith({ ...withheldFrom(deployment), ...own }, ...roles)
    const status = async (path: string) => {
      expect(worker.isRunning(), worker.log()).toBe(true)
      return (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined))?.status
    }
    await until('its readiness probe succeeds', async () => (await status(readinessProbe.httpGet.path)) === 200)
    expect(await status(livenessProbe.httpGet.path)).toBe(200)
    expect(await worker.stop()).toBe(0)
  })
})
