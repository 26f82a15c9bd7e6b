// What stands on sync.events: what happened to runs and their entities, for whoever listens. A fact may come twice and may be
// missing after a crash: the ledger is the truth, this is how to hear of it without asking.
import { z } from 'zod'
import type { Topics } from './list.ts'

const common = { at: z.iso.datetime(), runId: z.uuid(), orgId: z.string().min(1), source: z.string().min(1) }

export const syncEventSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('run'),
    ...common,
    strategy: z.string(),
    state: z.enum(['running', 'complete', 'complete_with_exceptions', 'failed']),
    reason: z.string().nullable(),
  }),
  z.strictObject({
    type: z.literal('entity'),
    ...common,
    entity: z.string().min(1),
    state: z.enum(['fetching', 'landing', 'closed', 'unproven', 'failed', 'skipped']),
    reason: z.string().nullable(),
  }),
  // A page that vanished on its way: produced again, or to be fetched again.
  z.strictObject({
    type: z.literal('healed'),
    ...common,
    entity: z.string().min(1),
    rangeId: z.int().min(0),
    page: z.int().min(0),
    how: z.enum(['produced', 'fetched']),
    times: z.int().min(1),
  }),
])

export type SyncEvent = z.infer<typeof syncEventSchema>

/** Events as messages for the events topic, keyed by run. */
export const eventMessages = (topics: Topics, events: readonly SyncEvent[]) => ({
  topic: topics.events,
  partitions: 1,
  messages: events.map((event) => ({ key: event.runId, value: Buffer.from(JSON.stringify(event)), headers: {} })),
})
