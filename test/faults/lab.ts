// One installation under test: its services (those of the run, or some of its own, or behind proxies), its crew, its witnesses.
import { randomBytes } from 'node:crypto'
import { adapterByName, adapters } from '../../adapters/index.ts'
import { prepareInstallation } from '../../cli/prepare.ts'
import { openRuntime } from '../../cli/runtime.ts'
import type { StackAddresses } from '../../local/stack.ts'
import type { Pool } from '../../platform/postgres.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { createInstallation, type Environment, type Installation } from '../harness/installation.ts'
import type { OwnService } from '../harness/own-service.ts'
import type { TcpProxy } from '../harness/proxy.ts'
import { Crew } from './crew.ts'
import { type Links, NO_LINKS, openLinks } from './links.ts'
import { CANARY, REGISTRY_USER, type SecretWatch, secretFinder, secretMarks, watchTopics, watchVersions } from './witnesses.ts'

export const { manifest } = adapterByName('pco')

export interface Lab {
  readonly installation: Installation
  /** Straight to PostgreSQL, whatever proxies there are. */
  readonly pool: Pool
  readonly crew: Crew
  readonly secrets: SecretWatch
  /** Texts that may be nowhere. */
  readonly marks: readonly string[]
  readonly own: Partial<Record<keyof StackAddresses, OwnService>>
  readonly proxies: Partial<Record<keyof StackAddresses, TcpProxy>>
  readonly env: Environment
  /** Ends everything; resolves to what is wrong with how it ended. */
  close(): Promise<readonly string[]>
}

export const openLab = async (stack: StackAddresses, links: Links = NO_LINKS): Promise<Lab> => {
  const opened = await openLinks(stack, links)
  const installation = await createInstallation(opened.direct)
  const env = withRegistryPassword(opened.envOf(installation.database.url), opened.direct.schemaRegistry)
  const marks = secretMarks({ ...installation.env, ...env })
  await prepare(installation)
  await watchVersions(installation.pool)
  const secrets = await watchTopics(
    opened.direct.kafka,
    installation.prefix,
    topicNames(installation.prefix),
    secretFinder(marks),
  )
  const crew = new Crew({
    ...installation,
    workerWith: (more, ...roles) => installation.workerWith({ SYNCLINE_LOG_LEVEL: 'debug', ...env, ...more }, ...roles),
  })
  return {
    installation,
    pool: installation.pool,
    crew,
    secrets,
    marks,
    own: opened.own,
    proxies: opened.proxies,
    env,
    close: async () => {
      const wrong = await crew.dismiss()
      await secrets.stop().catch(() => undefined)
      await installation.remove().catch(() => undefined)
      await opened.close()
      return wrong
    },
  }
}

const REGISTRY = 'SYNCLINE_SCHEMA_REGISTRY_URL'

/** One secret more that workers have. */
const withRegistryPassword = (env: Environment, registry: string): Environment => {
  const url = new URL(env[REGISTRY] ?? registry)
  url.username = REGISTRY_USER
  url.password = `${CANARY}${randomBytes(8).toString('hex')}`
  return { ...env, [REGISTRY]: url.href }
}

const topicNames = (prefix: string): string[] =>
  topicsWithPrefix(prefix)
    .all(
      adapters.map(({ name }) => name),
      canonicalEntities.map(({ entity }) => entity),
    )
    .map(({ name }) => name)

/** Tables and topics are there before the first worker starts, so that witnesses can be put beside them. */
const prepare = async (installation: Installation): Promise<void> => {
  const runtime = await openRuntime({ quiet: true, environment: installation.env })
  try {
    await prepareInstallation(runtime)
  } finally {
    await runtime.close()
  }
}
