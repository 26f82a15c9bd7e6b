// The commands in sentences and tables of pages. Goes in: pages, the program's tree of commands, and what tests run already. Comes out:
// what is still to be run. A span of code is
// - a command, when it has two words or more and the first is a lower-case word: `syncline show --run ID`, `npm run bench`, `ssh …`;
// - a name, when it is no more than a command of ours is called by: `syncline show`; or is part of one without `syncline`: `org add --rate`.
// A name is run by whatever call has this command and all of its words; a command by a call of the same words, ID and the like being any word.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { callsIn } from './calls.ts'
import { type Block, inlineCode } from './pages.ts'

const OURS = /^(?:npx )?syncline(?: |$)/
const IS_COMMAND = /^(?:[A-Z_]+=\S+ )*(?:npx |[a-z.][\w./:-]* )\S/
const PLACEHOLDER = /^(?:ID|RUN|FILE|WHEN)$/

export const isOurs = (text: string): boolean => OURS.test(text)

export const wordsOf = (text: string): readonly string[] => text.replace(OURS, '').split(' ')

/** All of some pages, each once. */
export const inlineCommands = (pages: readonly string[]): readonly string[] => [
  ...new Set(pages.flatMap((page) => inlineCode(readFileSync(page, 'utf8'))).filter((code) => IS_COMMAND.test(code))),
]

/** Calls of ours and lines of others in blocks, as words. */
export const callsOfBlocks = (blocks: readonly Block[]): readonly (readonly string[])[] =>
  blocks.flatMap(({ text }) =>
    text
      .replaceAll('\\\n', ' ')
      .split('\n')
      .flatMap((line) => [...callsIn(line), line.replace(/ +#.*/, '').trim().split(/\s+/)]),
  )

/** The part of the words that is the command's name: `org add`. */
const nameIn = (commands: readonly Command[], words: readonly string[]): readonly string[] => {
  const command = commands.find((candidate) => candidate.name() === words[0])
  const inner = command?.commands.some((candidate) => candidate.name() === words[1])
  return words.slice(0, command === undefined ? 0 : inner ? 2 : 1)
}

const isSame = (words: readonly string[], call: readonly string[]): boolean =>
  words.length === call.length && words.every((word, at) => word === call[at] || PLACEHOLDER.test(word))

const isPartOf = (commands: readonly Command[], words: readonly string[], call: readonly string[]): boolean =>
  nameIn(commands, words).every((word, at) => word === call[at]) && words.every((word) => call.includes(word))

/** What of `texts` neither the calls that are known run, nor what comes out before it. */
export const leftToRun = (
  texts: readonly string[],
  known: readonly (readonly string[])[],
  commands: readonly Command[],
): readonly string[] => {
  const isName = (text: string): boolean => {
    const words = wordsOf(text)
    const name = nameIn(commands, words)
    return name.length > 0 && (name.length === words.length || !isOurs(text))
  }
  const calls = [...known]
  const left: string[] = []
  // A name is left only when no whole command has it.
  for (const text of [...texts.filter((each) => !isName(each)), ...texts.filter(isName)]) {
    const words = wordsOf(text)
    if (calls.some((call) => (isName(text) ? isPartOf(commands, words, call) : isSame(words, call)))) continue
    left.push(text)
    calls.push(words)
  }
  return left
}
