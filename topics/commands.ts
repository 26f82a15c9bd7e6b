// What stands on sync.commands: a wake-up for one slice of one range. The range row in the ledger is the truth.
import { z } from 'zod'
import { COMMAND_PARTITIONS, type Topics } from './list.ts'

const fetchCommandSchema = z.strictObject({
  type: z.literal('fetch'),
  runId: z.uuid(),
  orgId: z.string().min(1),
  source: z.string().min(1),
  adapter: z.string().min(1),
  entity: z.string().min(1),
  rangeId: z.int().min(0),
  /** The epoch this command may take: it takes the range only while the row still has this one. */
  epoch: z.int().min(0),
})

export type FetchCommand = z.infer<typeof fetchCommandSchema>

/** Key of commands and raw pages: one range stays on one partition. */
export const rangeKey = (of: { orgId: string; entity: string; rangeId: number }): string =>
  `${of.orgId}/${of.entity}/${of.rangeId}`

/** Commands as messages for the commands topic. */
export const commandMessages = (topics: Topics, commands: readonly FetchCommand[]) => ({
  topic: topics.commands,
  partitions: COMMAND_PARTITIONS,
  messages: commands.map((command) => ({ key: rangeKey(command), value: Buffer.from(JSON.stringify(command)), headers: {} })),
})

/** Undefined for anything that is not a command of this version: it is dropped, the range row is what must not be lost. */
export const parseCommand = (value: Buffer | null): FetchCommand | undefined => {
  if (value === null) return undefined
  try {
    return fetchCommandSchema.safeParse(JSON.parse(value.toString())).data
  } catch {
    return undefined
  }
}
