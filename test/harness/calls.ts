// Calls of our command line in texts (pages, examples of --help): found, and held against the tree of commands.
import type { Command } from 'commander'

/** The calls in a line of code: words up to a pipe, a comment, or the next command. */
export const callsIn = (code: string): string[][] =>
  [...code.matchAll(/(?:^|[\s(])(?:npx syncline|syncline|node dist\/cli\/main\.js)((?: [^|#;&>)\s]+)+)/g)].map(([, words = '']) =>
    words.trim().split(/\s+/),
  )

const knowsOption = (command: Command, word: string): boolean =>
  ['--help', '--version'].includes(word) ||
  command.options.some((option) => [option.long, option.short].includes(word.split('=')[0]))

/** What in a call does not exist; undefined when all does. */
export const unknownInCall = (commands: readonly Command[], [name = '', ...words]: readonly string[]): string | undefined => {
  if (name.startsWith('-')) return undefined
  const command = commands.find((candidate) => candidate.name() === name)
  if (command === undefined) return `syncline ${name}`
  const inner = command.commands.find((candidate) => candidate.name() === words[0]) ?? command
  const isNamed = words[0] !== undefined && /^[a-z]+$/.test(words[0])
  if (command.commands.length > 0 && isNamed && inner === command) return `syncline ${name} ${words[0]}`
  const option = words.find((word) => /^--?[a-z]/.test(word) && !knowsOption(inner, word))
  return option === undefined ? undefined : `syncline ${name} … ${option}`
}
