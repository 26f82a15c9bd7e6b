// A page of the documentation that changes the project, followed in a copy of it, in the order of the page: each block that names a
// file is the file, or, as a diff, what is to be changed in it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { copyTreeInto } from './copied-tree.ts'
import { type Block, blocksOf, isRun, isShell } from './pages.ts'

/** A block of shell that is run, and the files that come before it. */
export interface Step {
  readonly files: readonly Block[]
  readonly command: Block
}

export const stepsOf = (page: string): readonly Step[] => {
  const blocks = blocksOf(page)
  const commands = blocks.flatMap((block, at) => (isRun(block) ? [at] : []))
  return commands.flatMap((at, n) => {
    const command = blocks[at]
    const files = blocks.slice((commands[n - 1] ?? -1) + 1, at).filter((block) => !isShell(block) && block.kind.includes(' '))
    return command === undefined ? [] : [{ files, command }]
  })
}

export interface CopiedProject {
  readonly tree: string
  write(files: readonly Block[]): void
  remove(): void
}

export const copyProject = (): CopiedProject => {
  const tree = mkdtempSync(join(tmpdir(), 'syncline-page-'))
  copyTreeInto(tree)
  return {
    tree,
    write: (files) => {
      for (const { kind, text } of files) {
        const [language = '', file = ''] = kind.split(' ')
        const path = join(tree, file)
        mkdirSync(dirname(path), { recursive: true })
        writeFileSync(path, language === 'diff' ? changed(readFileSync(path, 'utf8'), text) : text)
      }
    },
    remove: () => rmSync(tree, { recursive: true, force: true }),
  }
}

/** Lines that are added come behind the line above them, or in its place when it is taken out; it must be one line of the file. */
const changed = (before: string, diff: string): string =>
  [...diff.matchAll(/^([- ])(.*\n)((?:\+.*\n)+)/gm)].reduce((text, [, mark, line = '', added = '']) => {
    if (`\n${text}`.split(`\n${line}`).length !== 2) throw new Error(`"${line.trim()}" is not one line of the file`)
    const lines = (mark === ' ' ? line : '') + added.replaceAll(/^\+/gm, '')
    return `\n${text}`.replace(`\n${line}`, () => `\n${lines}`).slice(1)
  }, before)
