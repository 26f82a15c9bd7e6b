// Holds the files of deploy/kubernetes to the code: roles, settings, ports, pages, groups and partitions are spelt there a second time.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { adapters } from '../../adapters/index.ts'
import { ROLE_CHOICES } from '../../cli/role-names.ts'
import { resolveConfig, SETTINGS, type Setting } from '../../platform/config.ts'
import { answer } from '../../platform/health-server.ts'
import {
  COMMAND_PARTITIONS,
  CONSUMER_GROUPS,
  DEAD_LETTER_PARTITIONS,
  RAW_PARTITIONS,
  topicsWithPrefix,
} from '../../topics/list.ts'
import {
  commonSettings,
  type Deployment,
  deployments,
  kustomization,
  ofKind,
  resourceFiles,
  scaledObjects,
} from '../harness/manifests.ts'

const roles = ROLE_CHOICES.filter((role) => role !== 'all')
const topics = topicsWithPrefix('')
const namesOf = (kind: string) => ofKind(kind).map(({ metadata }) => metadata.name)
const containerOf = (deployment: Deployment) => deployment.spec.template.spec.containers[0]
const portOf = (deployment: Deployment, name: string) =>
  containerOf(deployment).ports.find((port) => port.name === name)?.containerPort

test('each role has a Deployment, which runs it, and a PodDisruptionBudget', () => {
  expect(
    deployments()
      .map((each) => each.metadata.name)
      .toSorted(),
  ).toEqual(roles.toSorted())
  expect(namesOf('PodDisruptionBudget').toSorted()).toEqual(roles.toSorted())
  for (const each of deployments()) expect(containerOf(each).args).toEqual(['worker', each.metadata.name])
})

test('each file is applied, and the image is of this version', () => {
  expect(kustomization().resources.toSorted()).toEqual(resourceFiles().toSorted())
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(kustomization().images[0].newTag).toBe(version)
  for (const each of deployments()) expect(containerOf(each).image).toBe(kustomization().images[0].name)
})

test('what selects pods selects those of its role', () => {
  for (const { metadata, spec } of deployments()) {
    expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels)
    expect(spec.selector.matchLabels['app.kubernetes.io/component']).toBe(metadata.name)
  }
  for (const kind of ['PodDisruptionBudget', 'Service']) {
    for (const { metadata, spec } of ofKind(kind)) {
      expect(JSON.stringify(spec)).toContain(`"app.kubernetes.io/component":"${metadata.name}"`)
    }
  }
})

test('every variable is one that the program reads, with a value that it takes', () => {
  const known = Object.values(SETTINGS).flatMap((setting: Setting) => setting.variables)
  for (const each of deployments()) {
    const own = containerOf(each).env.map(({ name, value }) => [name, value] as const)
    expect([...Object.keys(commonSettings()), ...own.map(([name]) => name)].filter((name) => !known.includes(name))).toEqual([])
    const environment = { ...commonSettings(), ...Object.fromEntries(own) }
    expect(() => resolveConfig({ environment, file: '/nowhere' })).not.toThrow()
  }
})

test('a secret is in no file, and the key to credentials only where it is needed', () => {
  const secret = [
    'SYNCLINE_DATABASE_URL',
    ...Object.values(SETTINGS).flatMap((setting: Setting) => (setting.secret ? setting.variables : [])),
  ]
  expect(Object.keys(commonSettings()).filter((name) => secret.includes(name))).toEqual([])
  for (const each of deployments()) {
    expect(containerOf(each).env.filter(({ name, value }) => secret.includes(name) && value !== undefined)).toEqual([])
  }
  const withKey = deployments().filter((each) => containerOf(each).env.some(({ name }) => name === 'SYNCLINE_ENCRYPTION_KEY'))
  expect(withKey.map((each) => each.metadata.name).toSorted()).toEqual(['fetch', 'webhooks'])
})

test('probes ask pages that there are, at the port that the worker is told', async () => {
  const nothing = { roles: () => [], metrics: async () => '' }
  for (const each of deployments()) {
    const { startupProbe, livenessProbe, readinessProbe } = containerOf(each)
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
      expect((await answer(httpGet.path, nothing)).status).toBe(200)
      expect(String(portOf(each, httpGet.port))).toBe(commonSettings()['SYNCLINE_METRICS_PORT'])
    }
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual(['/live', '/live', '/ready'])
    const { annotations } = each.spec.template.metadata
    expect(annotations['prometheus.io/port']).toBe(commonSettings()['SYNCLINE_METRICS_PORT'])
    expect((await answer(annotations['prometheus.io/path'] ?? '', nothing)).status).toBe(200)
  }
})

test('deliveries come to the port that the receiver listens on', () => {
  const [webhooks] = deployments().filter((each) => each.metadata.name === 'webhooks')
  expect(webhooks && String(portOf(webhooks, 'webhooks'))).toBe(SETTINGS.webhooksPort.default)
  expect(ofKind('Service').map(({ spec }) => spec)).toMatchObject([{ ports: [{ targetPort: 'webhooks' }] }])
})

test('workers are scaled by the lag of their groups, to as many as there are partitions', () => {
  const triggers = Object.fromEntries(
    scaledObjects().map(({ spec }) => [spec.scaleTargetRef.name, spec.triggers.map(({ metadata }) => metadata)]),
  )
  expect(
    Object.fromEntries(Object.entries(triggers).map(([role, all]) => [role, all.map((each) => each['consumerGroup'])])),
  ).toEqual({
    fetch: [CONSUMER_GROUPS.fetch],
    process: [CONSUMER_GROUPS.process, CONSUMER_GROUPS.live],
    sink: [CONSUMER_GROUPS.sink],
  })
  expect(triggers['fetch']?.map((each) => each['topic'])).toEqual([topics.commands])
  for (const each of Object.values(triggers).flat()) {
    expect(Object.keys(commonSettings())).toContain(each['bootstrapServersFromEnv'])
  }
  const most = Object.fromEntries(scaledObjects().map(({ metadata, spec }) => [metadata.name, spec.maxReplicaCount]))
  expect(most).toEqual({ fetch: COMMAND_PARTITIONS, process: RAW_PARTITIONS * adapters.length, sink: DEAD_LETTER_PARTITIONS })
})

test('who is scaled has no number of replicas of its own, or applying would set it back', () => {
  const scaled = new Set(scaledObjects().map(({ spec }) => spec.scaleTargetRef.name))
  for (const { metadata, spec } of deployments()) expect(spec.replicas === undefined).toBe(scaled.has(metadata.name))
})

test('no pod has more rights than it needs, or less time to stop than it takes', () => {
  const { stop_grace_period: compose } = parse(readFileSync('docker-compose.kafka.yml', 'utf8'), { merge: true })['x-worker']
  for (const each of deployments()) {
    const { terminationGracePeriodSeconds, ...pod } = each.spec.template.spec
    expect(`${terminationGracePeriodSeconds}s`).toBe(compose)
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: expect.any(Number), seccompProfile: { type: 'RuntimeDefault' } },
    })
    expect(containerOf(each)).toMatchObject({
      resources: { requests: { cpu: expect.any(String), memory: expect.any(String) }, limits: { memory: expect.any(String) } },
      securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    })
  }
})

test('Deployments differ in nothing but what is of their role', () => {
  const ofTheRole = new Set(['replicas', 'args', 'env', 'ports', 'resources'])
  const common = deployments().map(({ metadata, spec }) =>
    JSON.stringify(spec, (key, value) => (ofTheRole.has(key) ? undefined : value)).replaceAll(`"${metadata.name}"`, '"ROLE"'),
  )
  expect(new Set(common).size).toBe(1)
})

test('the network lets workers reach the services where they are said to be', () => {
  const [workers] = ofKind('NetworkPolicy').filter(({ metadata }) => metadata.name === 'workers')
  const {
    SYNCLINE_KAFKA_BROKERS: brokers = '',
    SYNCLINE_SCHEMA_REGISTRY_URL: registry = '',
    SYNCLINE_REDIS_URL: redis = '',
  } = commonSettings()
  const ports = [...brokers.split(',').map((broker) => broker.split(':')[1]), new URL(registry).port, new URL(redis).port, '5432']
  for (const port of ports) expect(JSON.stringify(workers)).toContain(`{"port":${port}}`)
})
