// `syncline dlq replay`: sends dead letters again into the stage where they died, with their original bytes. The workers do the rest.
import { Command } from 'commander'
import { recordAudit } from '../ledger/audit.ts'
import { markReplaying } from '../ledger/dead-letter-actions.ts'
import { countLetters, findLetters, LETTER_STATES, type RegisteredLetter } from '../ledger/dead-letter-search.ts'
import { rulesInForceSince } from '../ledger/field-rules.ts'
import { SynclineError } from '../platform/errors.ts'
import type { OutgoingTopic } from '../platform/kafka/encode.ts'
import { type Look, withLook } from '../platform/kafka/look.ts'
import { createProducer, type Producer } from '../platform/kafka/producer.ts'
import { inTransaction } from '../platform/postgres.ts'
import { operatorActor } from './actor.ts'
import { contentOf, kafkaOf } from './letter-bytes.ts'
import { byOrg, chooseLetters, type LetterFilterOptions, letterId, requireAll, withFilters } from './letter-choice.ts'
import { replayMessage } from './replay-message.ts'
import { parseLimit } from './runs.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { EXIT, printJson, say } from './terminal.ts'
import { count } from './words.ts'

const TEXT = `
Mend the cause first: deploy the mapping that takes the record, or what the sink lacked. The record keeps its place in the page it came
with: when it lands, the run's ledger counts it as merged and no more as dead. A row that has become newer meanwhile stays. What fails
again is a new dead letter. A run that has ended keeps its state; \`syncline verify\` tells how its ledger stands.

Examples:
  $ syncline dlq replay 0/17 2/3
  $ syncline dlq replay --org acme --entity person --code invalid-record --yes

Exit codes: 0 all were sent, 1 some could not be, 2 nothing was done because --yes is missing.`

interface ReplayOptions extends LetterFilterOptions {
  readonly limit: number
  readonly yes?: boolean
  readonly json?: boolean
}

export const replayCommand = (): Command =>
  withFilters(new Command('replay'))
    .description('send dead letters again into the stage where they died')
    .argument('[id...]', 'partition/offset, as `dlq list` prints it; one that was dropped is taken back')
    .option('--limit <n>', 'so many at most, the newest', parseLimit, 10_000)
    .option('--yes', 'really, all that the filters match')
    .option('--json', 'one JSON line for each')
    .addHelpText('after', TEXT)
    .action((ids: string[], options: ReplayOptions) => withLedger((runtime) => replay(runtime, ids, options)))

/** Letters whose bytes are held at once. */
const CHUNK_LETTERS = 500
const CHUNK_BYTES = 16 * 1024 * 1024

const byPlace = (a: RegisteredLetter, b: RegisteredLetter): number => a.partition - b.partition || Number(a.offset - b.offset)

/** In the order of the log, in which they are read. */
function* chunksOf(letters: readonly RegisteredLetter[]): Generator<readonly RegisteredLetter[]> {
  let chunk: RegisteredLetter[] = []
  let bytes = 0
  for (const letter of [...letters].sort(byPlace)) {
    if (chunk.length > 0 && (chunk.length >= CHUNK_LETTERS || bytes + letter.bytes > CHUNK_BYTES)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(letter)
    bytes += letter.bytes
  }
  if (chunk.length > 0) yield chunk
}

const replay = async (runtime: Runtime, ids: readonly string[], options: ReplayOptions): Promise<void> => {
  const states = { byId: LETTER_STATES, byFilter: ['open', 'replaying'] } as const
  const { filter, byId } = await chooseLetters(runtime, ids, options, states)
  const letters = await findLetters(runtime.pool, filter, options.limit)
  if (byId) requireAll(filter, letters)
  else if (letters.length === 0) return say('No dead letter matches that is open.')
  else if (!options.yes) {
    throw new SynclineError('usage', `This would replay ${count(letters.length, 'dead letter')}.`, {
      remedy: 'If that is what you want, say it again with --yes.',
    })
  }
  const sent = await withLook(kafkaOf(runtime), (look) => sendAll(runtime, look, letters, options.json === true))
  const refused = letters.length - sent
  if (refused > 0) process.exitCode = EXIT.failed
  say(`${count(sent, 'dead letter')} sent again${refused === 0 ? '' : `, ${refused.toLocaleString('en-US')} cannot be`}.`)
  const left = byId ? 0 : (await countLetters(runtime.pool, filter)) - letters.length
  if (left > 0) say(`${count(left, 'more', 'more')} match: say it again.`)
  if (sent > 0)
    say('Workers with the roles process and sink settle them; see what became of them with: syncline dlq list --state all')
}

const sendAll = async (runtime: Runtime, look: Look, letters: readonly RegisteredLetter[], json: boolean): Promise<number> => {
  const producer = createProducer(kafkaOf(runtime))
  await producer.connect()
  try {
    let sent = 0
    for (const chunk of chunksOf(letters)) sent += await sendChunk(runtime, look, producer, chunk, json)
    return sent
  } finally {
    await producer.disconnect()
  }
}

/** Marked before they are sent: a record that lands finds its letter waiting for it. Returns how many were sent. */
const sendChunk = async (
  { pool, topics }: Runtime,
  look: Look,
  producer: Producer,
  chunk: readonly RegisteredLetter[],
  json: boolean,
): Promise<number> => {
  const ruledSince = await rulesInForceSince(pool)
  const outgoing = new Map<string, OutgoingTopic & { messages: OutgoingTopic['messages'][number][] }>()
  const taken: RegisteredLetter[] = []
  for (const letter of chunk) {
    const message = await look.at(letter, letter.offset)
    const made = replayMessage(letter, message && contentOf(message), topics, ruledSince.get(letter.orgId))
    report(letter, made.ok ? undefined : made.why, json)
    if (!made.ok) continue
    taken.push(letter)
    const topic = outgoing.get(made.topic) ?? { topic: made.topic, partitions: made.partitions, messages: [] }
    outgoing.set(made.topic, topic)
    topic.messages.push(made.message)
  }
  await inTransaction(pool, async (client) => {
    await markReplaying(client, taken, operatorActor())
    for (const [orgId, letters] of byOrg(taken)) {
      const facts = { letters: letters.length, first: letters[0] === undefined ? null : letterId(letters[0]) }
      await recordAudit(client, { orgId, action: 'dead-letters.replayed', subject: 'dead-letters', facts })
    }
  })
  if (outgoing.size > 0) await producer.send([...outgoing.values()])
  return taken.length
}

const report = (letter: RegisteredLetter, why: string | undefined, json: boolean): void => {
  const id = letterId(letter)
  if (json) printJson({ type: 'dead-letter-replay', id, sent: why === undefined, ...(why === undefined ? {} : { reason: why }) })
  if (why !== undefined) say(`${id} (${letter.entity} ${letter.externalId ?? 'without an id'}) cannot be replayed: ${why}`)
}
