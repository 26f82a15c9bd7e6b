// A pair of tokens that refreshes itself, over real HTTP: what the others who use it are answered meanwhile does not mislead it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryTokens, refreshingTokens } from '../../../adapters/core/token-auth.ts'
import { pcoOAuth } from '../../../adapters/pco/oauth.ts'
import { json, type ScriptedServer, startScriptedServer, text } from './scripted-server.ts'

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer()
})
afterAll(() => server.close())

const pair = (name: string) => json({ access_token: name, refresh_token: `${name}-refresh`, expires_in: 7200, scope: 'people' })
const authOf = () => {
  const app = { clientId: 'client', clientSecret: 'secret' }
  return refreshingTokens(
    { api: pcoOAuth, baseUrl: server.url, app },
    memoryTokens({ accessToken: 'first', refreshToken: 'first-refresh' }),
  )
}

test('a late refusal of the token of before does not hide that the present one was refused', async () => {
  const auth = authOf()
  const old = await auth.headers()
  server.script(pair('second'))
  auth.refused?.(old)
  await auth.refresh()
  const present = await auth.headers()
  expect(present).toEqual({ authorization: 'Bearer second' })
  server.script(pair('third'))
  auth.refused?.(present)
  auth.refused?.(old)
  expect(await auth.refresh()).toBe(true)
  expect(await auth.headers()).toEqual({ authorization: 'Bearer third' })
})

test('told to come later, it does not ask again at once', async () => {
  const auth = authOf()
  auth.refused?.(await auth.headers())
  server.script(text('', 429))
  await expect(auth.refresh()).rejects.toMatchObject({ kind: 'rate-limit' })
  expect(server.received).toHaveLength(1)
})
