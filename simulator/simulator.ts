// A Planning Center Online that lives in this process or behind `syncline simulate`: generated or recorded data, one organisation.
import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { SynclineError } from '../platform/errors.ts'
import { type Controlled, createControl } from './control.ts'
import { createCredentials } from './credentials.ts'
import { type Drift, drifting } from './drift.ts'
import { generateOrganization } from './generated/organization.ts'
import { createModel, type Model } from './model.ts'
import type { Mutation } from './mutation.ts'
import type { Change } from './mutator.ts'
import { createOAuth, DEFAULT_OAUTH, type OAuthOptions, type OAuthServer } from './oauth.ts'
import type { Rate } from './rate.ts'
import { readRecordings } from './recorded.ts'
import { createSimulatorServer } from './server.ts'
import { createStage } from './stage.ts'
import { Meter, type Stats } from './stats.ts'
import { TAMPERINGS, type TamperingName } from './tampering.ts'
import { createWebhooks, type Webhooks } from './webhooks.ts'
import type { Origin } from './world.ts'

/** The personal access token that a simulator accepts when it is told no other. */
export const DEFAULT_PERSONAL_TOKEN = 'simulated-app:simulated-secret'
const MAX_PEOPLE = 2_000_000

export interface SimulatorOptions {
  /** Generated people, 0 to 2,000,000; the rest follows in proportion. */
  readonly people?: number
  readonly seed?: number
  /** Id of the generated organisation; default: 1. */
  readonly organizationId?: string
  /** Files of recorded exchanges, served in place of generated data. */
  readonly from?: readonly string[]
  /** The version that answers name when a request pins none. */
  readonly version?: string
  readonly host?: string
  /** 0, the default, is any free port. */
  readonly port?: number
  /** Without it there is no limit. */
  readonly rate?: Rate
  readonly latencyMs?: number
  /** `id:secret` each. */
  readonly personalTokens?: readonly string[]
  readonly bearerTokens?: readonly string[]
  readonly oauth?: Partial<OAuthOptions>
  /** Secrets of webhook subscriptions begin so. */
  readonly webhookSecretPrefix?: string
  /** Milliseconds since 1970, for created_at and updated_at of what is changed. */
  readonly now?: () => number
}

export interface Simulator {
  /** `http://host:port`, without a slash at the end. */
  readonly url: string
  /** A credential that it accepts, `id:secret`. */
  readonly personalToken: string
  /** For the header `x-simulator-control` of requests to `/_sim/…`. */
  readonly controlToken: string
  readonly model: Model
  /** The one app that it knows, and what goes wrong with its tokens. */
  readonly app: Pick<OAuthOptions, 'clientId' | 'clientSecret'>
  readonly oauth: OAuthServer
  /** Applies changes in order, at once: no request sees half of them. */
  mutate(...mutations: readonly Mutation[]): Change[]
  stats(): Stats
  /** From now on the API differs like this, and in nothing else; nothing: it is as it was. */
  drift(...drifts: readonly Drift[]): void
  /** The next `times` answers to lists go wrong like this, one after the other; the same request is never answered wrongly twice. */
  tamper(name: TamperingName, times?: number): void
  /** Those that have not gone wrong yet. */
  tampering(): readonly TamperingName[]
  /** Subscriptions and their deliveries; changes are told from the first subscription on. */
  readonly webhooks: Omit<Webhooks, 'close'>
  /** Back to the beginning: data, journal and counts. */
  reset(): void
  close(): Promise<void>
}

const originOf = ({ people, seed = 1, organizationId, from }: SimulatorOptions): Origin => {
  if (from !== undefined) return readRecordings(from)
  if (people === undefined || !Number.isInteger(people) || people < 0 || people > MAX_PEOPLE) {
    throw new SynclineError('usage', `A simulated organisation has 0 to ${MAX_PEOPLE} people, not ${people}`)
  }
  return generateOrganization(people, seed, organizationId)
}

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const remedy = cause.code === 'EADDRINUSE' ? 'Give another port, or 0 for any free one' : ''
      reject(
        new SynclineError('unavailable', `The simulator cannot listen on ${host}:${port}: ${cause.message}`, { remedy, cause }),
      )
    })
    server.listen(port, host, resolve)
  })

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Starts a simulator; it answers when this resolves. Throws `usage` for impossible options, `unavailable` for a taken port. */
export const startSimulator = async (options: SimulatorOptions): Promise<Simulator> => {
  const { host = '127.0.0.1', port = 0, rate, latencyMs = 0, now = Date.now } = options
  const personalTokens = options.personalTokens ?? [DEFAULT_PERSONAL_TOKEN]
  const controlToken = randomBytes(16).toString('hex')
  const origin = originOf(options)
  let url = ''
  const webhooks = createWebhooks(() => origin.organization.id, now, options.webhookSecretPrefix)
  let stage = createStage(origin, url, now, webhooks)
  let meter = new Meter(rate)
  let drifts: readonly Drift[] = []
  const tampering: TamperingName[] = []
  const tampered = new Set<string>()
  const app = { ...DEFAULT_OAUTH, ...options.oauth }
  const oauth = createOAuth(app)

  const controlled: Controlled = {
    model: createModel(
      () => stage.world,
      () => stage.journal,
    ),
    stats: () => meter.read(),
    mutate: (mutations) => mutations.map((mutation) => stage.mutator.apply(mutation, 'test')),
    drift: (now) => {
      drifts = now
    },
    reset: () => {
      drifts = []
      stage = createStage(origin, url, now, webhooks)
      meter = new Meter(rate)
    },
  }
  const server = createSimulatorServer({
    credentials: createCredentials({ personalTokens, bearerTokens: options.bearerTokens ?? [], userOf: oauth.identify }),
    rate,
    latencyMs,
    version: options.version,
    api: () => drifting(stage.api, drifts),
    meter: () => meter,
    tampering: (method, url) => {
      const isList = method === 'GET' && url.searchParams.has('per_page')
      if (!isList || tampering.length === 0 || tampered.has(url.href)) return undefined
      tampered.add(url.href)
      const next = tampering.shift()
      return next && TAMPERINGS[next]
    },
    oauth,
    control: createControl(controlToken, controlled),
  })
  await listen(server, host, port)
  url = `http://${host}:${portOf(server)}`
  controlled.reset()
  return {
    url,
    personalToken: personalTokens[0] ?? '',
    controlToken,
    model: controlled.model,
    app,
    oauth,
    mutate: (...mutations) => controlled.mutate(mutations),
    stats: controlled.stats,
    drift: (...now) => controlled.drift(now),
    tamper: (name, times = 1) => void tampering.push(...Array.from({ length: times }, () => name)),
    tampering: () => tampering,
    webhooks,
    reset: controlled.reset,
    close: () => {
      webhooks.close()
      return close(server)
    },
  }
}
