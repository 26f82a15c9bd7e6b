// Whose a credential of Planning Center is: the user that it stands for, and their organisation. A user without access to People may not ask.
import { z } from 'zod'
import { parseId } from '../../manifests/values.ts'
import type { Identity, Owner } from '../core/adapter.ts'
import { parseAnswer } from '../core/answer.ts'

const meSchema = z.object({
  data: z.object({ id: z.unknown() }),
  meta: z.object({ parent: z.object({ id: z.unknown() }) }),
})

const readMe = (body: Buffer): Owner | null => {
  const { data: me } = meSchema.safeParse(parseAnswer('the user of the credential', body))
  const [account, user] = [parseId(me?.meta.parent.id), parseId(me?.data.id)]
  return account && user ? { account, user } : null
}

export const pcoIdentity: Identity = { request: { method: 'GET', path: '/people/v2/me', query: {} }, read: readMe }
