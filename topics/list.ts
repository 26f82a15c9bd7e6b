// The one list of topics: names, partitions and settings. No other file spells a topic name.

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  /** Topic settings as Kafka spells them; existing topics are verified against these. */
  readonly config: Readonly<Record<string, string>>
}

const DAY_MS = 86_400_000
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

export const COMMAND_PARTITIONS = 12
export const RAW_PARTITIONS = 6
export const CANONICAL_PARTITIONS = 3
export const DEAD_LETTER_PARTITIONS = 3
export const LIVE_PARTITIONS = 3
export const ASK_PARTITIONS = 3

/** `heal` is the beginning of the names of groups that read single pages back. */
export const CONSUMER_GROUPS = {
  fetch: 'syncline.fetch',
  process: 'syncline.process',
  live: 'syncline.process.live',
  sink: 'syncline.sink',
  heal: 'syncline.heal',
} as const

/** The names and settings of one installation; `prefix` comes before every topic name and group id, unchanged. */
export interface Topics {
  readonly prefix: string
  readonly commands: string
  readonly deadLetters: string
  readonly events: string
  readonly asks: string
  raw(adapter: string): string
  /** Deliveries and answers for single records, beside the pages, so that they do not queue behind them. */
  live(adapter: string): string
  canonical(entity: string): string
  group(role: keyof typeof CONSUMER_GROUPS): string
  /** Every topic that an installation with these adapters and canonical entities needs. */
  all(adapters: readonly string[], entities: readonly string[]): readonly TopicSpec[]
}

// The broker's time, not that of who produces: a message from a clock an hour ahead is refused, and one behind is kept too short.
const STAMPED = { 'message.timestamp.type': 'LogAppendTime' }

const deleteAfter = (days: number, maxMessageBytes?: number): Record<string, string> => ({
  ...STAMPED,
  'cleanup.policy': 'delete',
  'retention.ms': String(days * DAY_MS),
  ...(maxMessageBytes === undefined ? {} : { 'max.message.bytes': String(maxMessageBytes) }),
})

const compacted = (): Record<string, string> => ({
  ...STAMPED,
  'cleanup.policy': 'compact',
  'min.compaction.lag.ms': String(7 * DAY_MS),
})

export const topicsWithPrefix = (prefix: string): Topics => {
  const commands = `${prefix}sync.commands`
  const deadLetters = `${prefix}sync.dead-letters`
  const events = `${prefix}sync.events`
  const asks = `${prefix}sync.asks`
  const raw = (adapter: string) => `${prefix}raw.${adapter}`
  const live = (adapter: string) => `${prefix}raw.${adapter}.live`
  const canonical = (entity: string) => `${prefix}canonical.${entity}`
  return {
    prefix,
    commands,
    deadLetters,
    events,
    asks,
    raw,
    live,
    canonical,
    group: (role) => `${prefix}${CONSUMER_GROUPS[role]}`,
    all: (adapters, entities) => [
      { name: commands, partitions: COMMAND_PARTITIONS, config: deleteAfter(7) },
      { name: deadLetters, partitions: DEAD_LETTER_PARTITIONS, config: deleteAfter(30, MAX_MESSAGE_BYTES) },
      { name: events, partitions: 1, config: deleteAfter(7) },
      { name: asks, partitions: ASK_PARTITIONS, config: deleteAfter(7) },
      ...adapters.map((a) => ({ name: raw(a), partitions: RAW_PARTITIONS, config: deleteAfter(7, MAX_MESSAGE_BYTES) })),
      ...adapters.map((a) => ({ name: live(a), partitions: LIVE_PARTITIONS, config: deleteAfter(7, MAX_MESSAGE_BYTES) })),
      ...entities.map((e) => ({ name: canonical(e), partitions: CANONICAL_PARTITIONS, config: compacted() })),
    ],
  }
}
