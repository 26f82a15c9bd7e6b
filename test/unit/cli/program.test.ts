// The tree of commands as a whole: what --help says of each, and how little is loaded for it.
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../../cli/commands.ts'
import { programFor } from '../../../cli/program.ts'
import { callsIn, unknownInCall } from '../../harness/calls.ts'

const root = await programFor('all')

/** With the words that call it; the hidden one is for shells. */
const allOf = (command: Command, path: string): [string, Command][] => [
  [path, command],
  ...command.commands.filter((child) => child.name() !== 'complete').flatMap((child) => allOf(child, `${path} ${child.name()}`)),
]

const tree = allOf(root, 'syncline')

const helpOf = (command: Command): string => {
  const parts: string[] = []
  command.configureOutput({ writeOut: (part) => void parts.push(part) }).outputHelp()
  return parts.join('')
}

const examplesOf = (command: Command): string[] =>
  (helpOf(command).split('Examples:\n')[1] ?? '').split('\n').flatMap((line) => /^ {2}\$ (.+)$/.exec(line)?.[1] ?? [])

test.each(tree)('%s --help says what it is for and shows examples that call it', (path, command) => {
  expect(command.description()).not.toBe('')
  const calls = examplesOf(command).flatMap(callsIn)
  const words = path.split(' ').slice(1)
  expect(calls.map((call) => call.slice(0, words.length))).toContainEqual(words)
  expect(calls.flatMap((call) => unknownInCall(root.commands, call) ?? [])).toEqual([])
})

test.each(COMMANDS.map((entry) => [entry.name, entry] as const))(
  '%s is listed under the name that it has',
  async (name, entry) => {
    expect((await entry.load()).name()).toBe(name)
  },
)

test('what a line does not name is only listed', async () => {
  const listed = (await programFor(['org', 'list'])).commands
  expect(listed.find((command) => command.name() === 'org')?.commands.length).toBeGreaterThan(3)
  const others = listed.filter((command) => command.name() !== 'org')
  expect(others.filter(({ options, commands }) => options.length + commands.length > 0)).toEqual([])
  expect(listed.map((command) => command.name()).sort()).toEqual(
    root.commands
      .map((command) => command.name())
      .filter((name) => name !== 'complete')
      .sort(),
  )
})
