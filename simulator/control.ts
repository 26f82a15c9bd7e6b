// The control address, /_sim/…, for tests and demos in other processes. Without its token it is a path that the API does not have.
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { isSynclineError, messageOf } from '../platform/errors.ts'
import { type Answer, emptyAnswer, jsonAnswer } from './answer.ts'
import { ENTITIES } from './catalogue/spec.ts'
import { type Drift, driftSchema } from './drift.ts'
import type { Model } from './model.ts'
import { type Mutation, mutationSchema } from './mutation.ts'
import type { Change } from './mutator.ts'
import type { Stats } from './stats.ts'

export const CONTROL_HEADER = 'x-simulator-control'

/** What the control address can do; the same as the simulator in-process. */
export interface Controlled {
  readonly model: Model
  stats(): Stats
  mutate(mutations: readonly Mutation[]): Change[]
  drift(drifts: readonly Drift[]): void
  reset(): void
}

export interface Control {
  accepts(request: IncomingMessage, url: URL): boolean
  answer(method: string, url: URL, body: string): Answer
}

const problem = (status: number, message: string): Answer => jsonAnswer(status, { error: message })

const entityName = z.enum(ENTITIES)

const lines = (records: Iterable<unknown>): Answer => {
  const parts: Buffer[] = []
  for (const record of records) parts.push(Buffer.from(`${JSON.stringify(record)}\n`))
  return { status: 200, headers: { 'content-type': 'application/x-ndjson' }, body: Buffer.concat(parts) }
}

export const createControl = (token: string, controlled: Controlled): Control => {
  const mutate = (body: string): Answer => {
    const read = z.array(mutationSchema).safeParse([JSON.parse(body)].flat())
    if (!read.success) return problem(400, z.prettifyError(read.error))
    return jsonAnswer(200, controlled.mutate(read.data))
  }

  /** What it says replaces what drifted before. */
  const drift = (body: string): Answer => {
    const read = z.array(driftSchema).safeParse([JSON.parse(body)].flat())
    if (!read.success) return problem(400, z.prettifyError(read.error))
    controlled.drift(read.data)
    return emptyAnswer(204)
  }

  /** `GET /_sim/rows/{entity}` and `/_sim/corrupted/{entity}`: one JSON object a line. */
  const rows = (kind: string, name: string | undefined): Answer => {
    const entity = entityName.safeParse(name)
    if (!entity.success) return problem(404, `There is no entity ${name}; there are ${ENTITIES.join(', ')}`)
    return lines(kind === 'rows' ? controlled.model.rows(entity.data) : controlled.model.corrupted(entity.data))
  }

  const route = (method: string, url: URL, body: string): Answer => {
    const [, , what, name] = url.pathname.split('/')
    if (method === 'POST' && what === 'mutations') return mutate(body)
    if (method === 'POST' && what === 'drift') return drift(body)
    if (method === 'POST' && what === 'reset') {
      controlled.reset()
      return emptyAnswer(204)
    }
    if (method === 'GET' && what === 'stats') return jsonAnswer(200, controlled.stats())
    if (method === 'GET' && what === 'journal') return lines(controlled.model.journal)
    if (method === 'GET' && (what === 'rows' || what === 'corrupted')) return rows(what, name)
    return problem(
      404,
      'There are POST mutations, POST drift, POST reset, GET stats, GET journal, GET rows/{entity}, GET corrupted/{entity}',
    )
  }

  return {
    accepts: (request, url) => url.pathname.startsWith('/_sim/') && request.headers[CONTROL_HEADER] === token,
    answer: (method, url, body) => {
      try {
        return route(method, url, body)
      } catch (error) {
        if (isSynclineError(error) || error instanceof SyntaxError) return problem(400, messageOf(error))
        throw error
      }
    },
  }
}
