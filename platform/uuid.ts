// UUIDv7 (RFC 9562): ids that sort by time, so that a run id also says on which day its pages and landings are kept.
import { randomBytes } from 'node:crypto'

export const uuidv7 = (nowMs: number = Date.now()): string => format(nowMs, randomBytes(10))

/** The smallest UUIDv7 of a moment: a partition bound. */
export const uuidv7Floor = (ms: number): string => `${timeHex(ms).slice(0, 8)}-${timeHex(ms).slice(8)}-0000-0000-000000000000`

const timeHex = (ms: number): string => Math.floor(ms).toString(16).padStart(12, '0')

const format = (ms: number, random: Buffer): string => {
  const time = timeHex(ms)
  const rest = random.toString('hex')
  const variant = ((Number.parseInt(rest.charAt(3), 16) & 0x3) | 0x8).toString(16)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-${variant}${rest.slice(4, 7)}-${rest.slice(7, 19)}`
}

/** Milliseconds since 1970 that a UUIDv7 was made at. */
export const timeOfUuidv7 = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
