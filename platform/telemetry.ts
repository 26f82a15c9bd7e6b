// What a worker counts: the closed list of its metrics (docs/operations.md has the same table, a test compares), and how the
// stages count: once per batch, page or request, never per record. Every metric has the label `role` besides those named here.
// Must hold: the values of labels are few and known; an organisation is never one (invariant 9 and memory).

interface Metric {
  readonly kind: 'counter' | 'histogram' | 'gauge'
  readonly help: string
  readonly labels: readonly string[]
}

const counter = <const L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'counter', help, labels }) as const
const histogram = <const L extends readonly string[]>(help: string, ...labels: L) =>
  ({ kind: 'histogram', help, labels }) as const
const gauge = <const L extends readonly string[]>(help: string, ...labels: L) => ({ kind: 'gauge', help, labels }) as const

export const METRICS = {
  syncline_consumed_batches_total: counter('batches taken from Kafka'),
  syncline_consumed_records_total: counter('messages in them: commands, pages, or records'),
  syncline_consumed_bytes_total: counter('their bytes, as stored on Kafka'),
  syncline_produced_batches_total: counter('batches written to Kafka'),
  syncline_produced_records_total: counter('messages in them'),
  syncline_produced_bytes_total: counter('their bytes, as stored on Kafka'),
  syncline_produce_seconds: histogram('time until Kafka has acknowledged a send'),
  syncline_fetch_requests_total: counter(
    'requests to a vendor, by how they ended: ok or the code of the error',
    'adapter',
    'outcome',
  ),
  syncline_fetch_request_seconds: histogram('time of a request to a vendor', 'adapter'),
  syncline_fetch_pages_total: counter('pages received and accepted by the ledger', 'adapter', 'entity'),
  syncline_fetch_records_total: counter('records on them, by their own entity', 'adapter', 'entity'),
  syncline_fetch_bytes_total: counter('their bytes as received, decompressed', 'adapter'),
  syncline_fetch_retries_total: counter(
    'requests that failed and are tried again, by the code of the error',
    'adapter',
    'outcome',
  ),
  syncline_fetch_limit_waits_total: counter("waits for room in the vendor's rate limit", 'adapter'),
  syncline_fetch_limit_wait_seconds_total: counter('how long they are, each wait of each range for itself', 'adapter'),
  syncline_asks_total: counter(
    'records asked for by id: record, gone, dead, later (it failed or must wait), dropped (it cannot be asked for)',
    'outcome',
  ),
  syncline_webhook_requests_total: counter(
    'requests to the webhook address: accepted, bad-signature, other-account, unknown-address, too-large, bad-request, unavailable',
    'outcome',
  ),
  syncline_webhook_seconds: histogram('time until a delivery is durable and answered'),
  syncline_token_refreshes_total: counter(
    'refreshes of tokens, by how they ended: tokens, refused, unanswered or later',
    'adapter',
    'outcome',
  ),
  syncline_process_records_total: counter(
    'records made of pages and deliveries: canonical, or dead or asked (then of any entity)',
    'entity',
    'outcome',
  ),
  syncline_sink_records_total: counter('records merged, by what became of them first', 'entity', 'outcome'),
  syncline_sink_merge_seconds: histogram('time of the transaction of a batch'),
  syncline_role_state: gauge('1 for the state in which the role is, else 0', 'state'),
  syncline_role_restarts: gauge('times that the role was started again in this process'),
  syncline_role_last_progress_timestamp_seconds: gauge('when it last finished a batch, slice or tick; seconds since 1970'),
  syncline_consumer_lag_records: gauge('messages of its partitions that are not committed, as of the last delivery of each'),
  syncline_consumer_silence_seconds: gauge('since when no fetch was answered'),
  syncline_open_pages: gauge('accepted pages of active runs of which a record has no outcome yet'),
  syncline_open_asks: gauge('records that are still to be asked for by id'),
  syncline_parked_records: gauge('records that wait for their parent', 'entity'),
  syncline_connections_to_authorise: gauge('connections that wait for an administrator to authorise them again'),
  syncline_refused_authorisations: gauge('callbacks and codes of `org connect` that were refused, ever, by why', 'reason'),
  syncline_dead_letters: gauge('dead letters in the ledger', 'stage'),
  syncline_paused_sources: gauge('sources of which nothing may begin'),
  syncline_overdue_schedules: gauge('schedules that nobody has seen to for two minutes: no orchestrator leads'),
  syncline_unsent_notifications: gauge('notifications that their receiver has not taken yet'),
} as const satisfies Record<string, Metric>

export type MetricName = keyof typeof METRICS
export type NameOf<Kind extends Metric['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never
}[MetricName]
export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>

/** Counts for one role. */
export interface Telemetry {
  add<Name extends NameOf<'counter'>>(name: Name, labels: LabelsOf<Name>, value: number): void
  observe<Name extends NameOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, seconds: number): void
}

/** Counts nothing: a worker without a port, and tests. */
export const NO_TELEMETRY: Telemetry = { add: () => undefined, observe: () => undefined }

/** Runs `work` and observes its time, also when it fails. */
export const timed = async <T, Name extends NameOf<'histogram'>>(
  telemetry: Telemetry,
  name: Name,
  labels: LabelsOf<Name>,
  work: () => Promise<T>,
): Promise<T> => {
  const startedAt = performance.now()
  try {
    return await work()
  } finally {
    telemetry.observe(name, labels, (performance.now() - startedAt) / 1_000)
  }
}
