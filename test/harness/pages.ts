// The blocks of code in a page of documentation, in order: goes in its path, comes out what each is and what stands in it.
import { readFileSync } from 'node:fs'

export interface Block {
  readonly page: string
  /** What follows the fence: a language, and more: a file's path, or why it is not run. */
  readonly kind: string
  readonly text: string
}

const FENCE = /^( *)```([^\s`][^\n]*)\n([\s\S]*?)^\1```/gm

/** A block in a list is indented: its lines lose as much. */
export const blocksOf = (page: string): readonly Block[] =>
  [...readFileSync(page, 'utf8').matchAll(FENCE)].map(([, indent = '', kind = '', text = '']) => ({
    page,
    kind,
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }))

export const isShell = ({ kind }: Block): boolean => /^sh\b/.test(kind)

/** `sh no-run: why`. */
export const isRun = (block: Block): boolean => isShell(block) && block.kind === 'sh'

const ANY_BLOCK = /^( *)```[^\n]*\n[\s\S]*?^\1```/gm

/** The code in sentences and tables, in order: what stands between backticks, also where it goes on in the next line. */
export const inlineCode = (text: string): readonly string[] =>
  text
    .replaceAll(ANY_BLOCK, '')
    .split(/\n\s*\n/)
    .flatMap((paragraph) => [...paragraph.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll(/\s+/g, ' ')))
