// The files of deploy/kubernetes as objects: what the tests read of them, checked for that much and no more.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'

export const FOLDER = join('deploy', 'kubernetes')
const KUSTOMIZATION = 'kustomization.yaml'

const DocumentSchema = z.looseObject({ kind: z.string(), metadata: z.object({ name: z.string() }) })

const EnvironmentSchema = z.array(
  z.object({
    name: z.string(),
    value: z.string().optional(),
    valueFrom: z
      .object({ secretKeyRef: z.object({ name: z.string(), key: z.string(), optional: z.boolean().default(false) }) })
      .optional(),
  }),
)

const ProbeSchema = z.looseObject({ httpGet: z.object({ path: z.string(), port: z.string() }) })

const ContainerSchema = z.looseObject({
  name: z.string(),
  image: z.string(),
  args: z.array(z.string()),
  env: EnvironmentSchema,
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  startupProbe: ProbeSchema,
  livenessProbe: ProbeSchema,
  readinessProbe: ProbeSchema,
  securityContext: z.unknown(),
})

const DeploymentSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({
    replicas: z.number().optional(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()), annotations: z.record(z.string(), z.string()) }),
      spec: z.looseObject({ terminationGracePeriodSeconds: z.number(), containers: z.tuple([ContainerSchema]) }),
    }),
  }),
})

const ScaledObjectSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({
    scaleTargetRef: z.object({ name: z.string() }),
    maxReplicaCount: z.number(),
    triggers: z.array(z.object({ type: z.literal('kafka'), metadata: z.record(z.string(), z.string()) })),
  }),
})

const KustomizationSchema = z.object({
  resources: z.array(z.string()),
  configMapGenerator: z.tuple([z.object({ name: z.string(), literals: z.array(z.string()) })]),
  images: z.tuple([z.object({ name: z.string(), newTag: z.string() })]),
})

export type Deployment = z.infer<typeof DeploymentSchema>

const documentsIn = (name: string): unknown[] =>
  parseAllDocuments(readFileSync(join(FOLDER, name), 'utf8')).map((document) => document.toJS())

/** All but the kustomization. */
export const resourceFiles = (): readonly string[] =>
  readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== KUSTOMIZATION)

const resources = () => resourceFiles().flatMap((name) => documentsIn(name).map((document) => DocumentSchema.parse(document)))

export const ofKind = (kind: string) => resources().filter((resource) => resource.kind === kind)

export const deployments = (): readonly Deployment[] => ofKind('Deployment').map((each) => DeploymentSchema.parse(each))

export const scaledObjects = () => ofKind('ScaledObject').map((each) => ScaledObjectSchema.parse(each))

export const kustomization = () => KustomizationSchema.parse(documentsIn(KUSTOMIZATION)[0])

/** The settings that all workers have alike. */
export const commonSettings = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    kustomization().configMapGenerator[0].literals.map((line) => {
      const [name = '', ...value] = line.split('=')
      return [name, value.join('=')]
    }),
  )
