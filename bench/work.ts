// What every benchmark is: a name, and a run on one build of the program that gives a row for each of its passes. A run checks what it
// has measured and throws when that is not the work that was asked for.
import type { Peers } from './peers.ts'
import type { BenchStack } from './stack.ts'

/** A program that is measured: this one, or another revision of it. */
export interface Build {
  readonly name: string
  /** Its dist/cli/main.js. */
  readonly program: string
}

export interface Bench {
  readonly stack: BenchStack
  readonly build: Build
  /** Of the whole work, such as 0.1. */
  readonly size: number
  /** Other systems that do the same work, which is measured beside them. */
  readonly peers?: Peers | undefined
  /** Where workers leave their CPU profiles. */
  readonly profiles?: string | undefined
}

export type Figures = Readonly<Record<string, number | string>>

export interface Row {
  readonly pass: string
  readonly figures: Figures
}

export interface Work {
  readonly name: string
  readonly title: string
  /** Measures what is loaded into the bench itself, so another build cannot be measured in its place. */
  readonly ofThisBuildOnly?: boolean
  run(bench: Bench): Promise<readonly Row[]>
}

export const rounded = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits

export const sized = (whole: number, { size }: Bench): number => Math.max(1, Math.round(whole * size))
