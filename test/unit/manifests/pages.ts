// The recorded exchanges as pages of people, and the resources on them.
import { readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'

const folder = new URL('../../data/pco/', import.meta.url)

const exchangesSchema = z.array(
  z.object({
    request: z.object({ method: z.string(), path: z.string() }),
    response: z.object({ status: z.number(), body: z.unknown() }),
  }),
)

/** Bodies of all answers that list or show people. */
export const recordedPages = (): readonly unknown[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => exchangesSchema.parse(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))))
    .filter(
      ({ request, response }) =>
        request.method === 'GET' && request.path.startsWith('/people/v2/people') && response.status === 200,
    )
    .map(({ response }) => response.body)
