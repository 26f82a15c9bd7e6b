// A log line for a person who looks at a terminal: level, message and facts of one JSON line of the logger.
import { z } from 'zod'
import type { Paint, Style } from './color.ts'

const recordSchema = z.looseObject({ level: z.number(), msg: z.string() })

/** Levels as pino numbers them. */
const LEVELS: readonly { readonly from: number; readonly name: string; readonly style: Style }[] = [
  { from: 50, name: 'error', style: 'red' },
  { from: 40, name: 'warning', style: 'yellow' },
  { from: 0, name: 'note', style: 'dim' },
]

const HIDDEN: ReadonlySet<string> = new Set(['level', 'msg', 'time', 'pid', 'run', 'stack'])

/** A line that is not the logger's comes out as it is. */
export const logLine = (json: string, paint: Paint): string => {
  const parsed = recordSchema.safeParse(parse(json))
  if (!parsed.success) return json.trimEnd()
  const { level, msg } = parsed.data
  const { name, style } = LEVELS.find(({ from }) => level >= from) ?? { name: 'note', style: 'dim' as const }
  const facts = Object.entries(parsed.data).flatMap(([key, value]) => (HIDDEN.has(key) ? [] : [`${key}=${factText(value)}`]))
  return [paint(`${name}:`, style), msg, paint(facts.join(' '), 'dim')].filter((part) => part !== '').join(' ')
}

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

const factText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
