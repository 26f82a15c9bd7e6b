// The port of a worker: /live, /ready and /metrics. Liveness asks whether a restart would help, readiness whether work is done now.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { messageOf, SynclineError } from './errors.ts'
import type { RoleReport } from './health.ts'
import type { RoleState } from './role-state.ts'

export interface HealthServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly roles: () => readonly RoleReport[]
  /** The text of /metrics, in Prometheus's format. */
  readonly metrics: () => Promise<string>
}

export interface HealthServer {
  readonly port: number
  close(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const DEAD: ReadonlySet<RoleState> = new Set(['stuck', 'lost'])
const READY: ReadonlySet<RoleState> = new Set(['idle', 'busy'])

const json = (status: number, body: unknown): Answer => ({ status, type: 'application/json', body: `${JSON.stringify(body)}\n` })

/** What a GET of `path` answers. */
export const answer = async (
  path: string,
  { roles, metrics }: Pick<HealthServerOptions, 'roles' | 'metrics'>,
): Promise<Answer> => {
  switch (path) {
    case '/live': {
      const all = roles()
      const live = !all.some(({ state }) => DEAD.has(state))
      return json(live ? 200 : 503, { live, roles: all })
    }
    case '/ready': {
      const all = roles()
      const ready = all.every(({ state }) => READY.has(state))
      return json(ready ? 200 : 503, { ready, roles: all })
    }
    case '/metrics':
      return { status: 200, type: METRICS_TYPE, body: await metrics() }
    default:
      return json(404, { error: 'There is /live, /ready and /metrics.' })
  }
}

const respond = async (request: IncomingMessage, response: ServerResponse, options: HealthServerOptions): Promise<void> => {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  const { pathname } = new URL(request.url ?? '/', 'http://worker')
  const { status, type, body } = await (isRead ? answer(pathname, options) : json(405, { error: 'Only GET.' }))
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** Throws SynclineError('config') when the address cannot be listened on. */
export const startHealthServer = async (options: HealthServerOptions): Promise<HealthServer> => {
  const { host, port } = options
  const server = createServer({ keepAliveTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    respond(request, response, options).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
      response.end(`${messageOf(error)}\n`)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  }).catch((cause: unknown) => {
    throw new SynclineError('config', `Cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
      cause,
      remedy: 'Choose another with --port or SYNCLINE_METRICS_PORT; each worker on a machine needs its own.',
    })
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
