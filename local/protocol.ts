// What a starter and its supervisor tell each other over the channel between them.
import { z } from 'zod'
import { GivenAddressesSchema, StackAddressesSchema } from './addresses.ts'

/** What to start and with which programs; a service whose address is given is not started and needs no program. */
export const PlanSchema = z
  .strictObject({
    home: z.string(),
    given: GivenAddressesSchema,
    /** Keep the stack when the starter goes away. It is kept only once it is up. */
    detach: z.boolean(),
    java: z.string().optional(),
    kafkaLibs: z.string().optional(),
    registryJar: z.string().optional(),
    redisServer: z.string().optional(),
  })
  .readonly()

export type Plan = z.infer<typeof PlanSchema>

export const MessageSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('progress'), message: z.string() }),
  z.strictObject({ type: z.literal('ready'), addresses: StackAddressesSchema }),
  /** Another supervisor was faster in this home. */
  z.strictObject({ type: z.literal('taken') }),
  /** It has not come up, or has come down without being asked. Nothing of it is left. */
  z.strictObject({ type: z.literal('failed'), message: z.string(), remedy: z.string().optional() }),
])

export type Message = z.infer<typeof MessageSchema>
