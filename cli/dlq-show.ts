// `syncline dlq show`: everything that is known of one dead letter. Its bytes may hold personal data: they are printed only when asked for.
import { Command } from 'commander'
import { findLetters, LETTER_STATES, type RegisteredLetter } from '../ledger/dead-letter-search.ts'
import { SynclineError } from '../platform/errors.ts'
import { withLook } from '../platform/kafka/look.ts'
import { type Cut, sha256Of } from '../topics/dead-letters.ts'
import { painterFor } from './color.ts'
import { contentOf, GONE, kafkaOf, type LetterContent } from './letter-bytes.ts'
import { letterId, parseLetterId } from './letter-choice.ts'
import { letterFacts, letterLines, unreplayable } from './letter-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { print, printJson, say } from './terminal.ts'
import { count } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline dlq show 0/17
  $ syncline dlq show 0/17 --json
  $ syncline dlq show 0/17 --raw | jq .`

interface ShowOptions {
  readonly json?: boolean
  readonly raw?: boolean
}

export const showLetterCommand = (): Command =>
  new Command('show')
    .description('everything that is known of one dead letter')
    .argument('<id>', 'partition/offset, as `dlq list` prints it')
    .option('--json', 'print it as one JSON line')
    .option('--raw', 'print nothing but the original bytes, exactly; they may hold personal data')
    .addHelpText('after', EXAMPLES)
    .action((id: string, options: ShowOptions) => withLedger((runtime) => show(runtime, id, options)))

const requireLetter = async ({ pool, topics }: Runtime, id: string): Promise<RegisteredLetter> => {
  const topic = topics.deadLetters
  const [letter] = await findLetters(pool, { topic, places: [parseLetterId(id, topic)], states: LETTER_STATES }, 1)
  if (letter !== undefined) return letter
  throw new SynclineError('usage', `There is no dead letter '${id}'.`, { remedy: 'See them with: syncline dlq list --state all' })
}
const show = async (runtime: Runtime, id: string, { json, raw }: ShowOptions): Promise<void> => {
  if (json && raw) throw new SynclineError('usage', '--raw prints nothing but the bytes, and --json nothing but one line.')
  const letter = await requireLetter(runtime, id)
  const message = await withLook(kafkaOf(runtime), (look) => look.at(letter, letter.offset))
  const content = message && contentOf(message)
  if (raw) return printRaw(letter, content)
  if (json) return printJson({ ...letterFacts(letter), ...bytesFacts(content) })
  print(painterFor(process.stdout)(`Dead letter ${letterId(letter)} of ${letter.topic}`, 'bold'))
  print([...letterLines(letter), ...bytesLines(content)].join('\n'))
  if (letter.state === 'open') say(unreplayable(letter) ?? `Once the cause is mended: syncline dlq replay ${letterId(letter)}`)
}

const printRaw = (letter: RegisteredLetter, content: LetterContent | undefined): void => {
  if (content === undefined) {
    throw new SynclineError('gone', GONE, { remedy: `Get the record anew with: syncline sync --org ${letter.orgId}` })
  }
  process.stdout.write(content.value)
  const { cut } = content.letter
  if (cut !== undefined) say(cutText(content.value.length, cut))
}

const bytesFacts = (content: LetterContent | undefined) => {
  if (content === undefined) return { onKafka: false }
  const { value, letter } = content
  const { request, cut } = letter
  return {
    onKafka: true,
    keptBytes: value.length,
    sha256: cut?.sha256 ?? sha256Of(value),
    ...(cut === undefined ? {} : { cut: true, readBytes: cut.readBytes, fullBytes: cut.fullBytes }),
    ...(request === undefined ? {} : { request }),
  }
}

const cutText = (kept: number, { readBytes, fullBytes }: Cut): string => {
  const whole = fullBytes === null ? 'its whole length is not known' : `of ${count(fullBytes, 'byte')} in all`
  return `Only the first ${count(kept, 'byte')} are kept; ${count(readBytes, 'byte')} were read, ${whole}.`
}

const bytesLines = (content: LetterContent | undefined): readonly string[] => {
  if (content === undefined) return [`bytes         ${GONE}`]
  const { value, letter } = content
  return [
    ...(letter.request === undefined ? [] : [`request       ${letter.request}`]),
    `bytes         ${count(value.length, 'byte')}, printed with --raw`,
    ...(letter.cut === undefined ? [] : [`              ${cutText(value.length, letter.cut)}`]),
    `sha256        ${letter.cut === undefined ? sha256Of(value) : `${letter.cut.sha256} (of the bytes read)`}`,
  ]
}
