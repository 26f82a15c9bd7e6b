// An HTTP server before an API: it passes requests on, except those whose path it was told to refuse.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Front {
  readonly url: string
  /** Paths that match are answered with 403 from now on; null: none. */
  refuse(paths: RegExp | null): void
  close(): Promise<void>
}

export const startFront = async (api: string): Promise<Front> => {
  let refused: RegExp | null = null
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      if (refused?.test(request.url ?? '')) {
        response.writeHead(403, { 'content-type': 'application/json' }).end('{"errors":[{"title":"Forbidden"}]}')
        return
      }
      const { method = 'GET', headers: asked } = request
      const headers = {
        authorization: asked.authorization ?? '',
        'content-type': asked['content-type'] ?? '',
        accept: 'application/json',
      }
      const sent = await buffer(request)
      const passed = await fetch(`${api}${request.url}`, { method, headers, body: sent.length === 0 ? null : sent })
      const body = Buffer.from(await passed.arrayBuffer())
      const kept = [...passed.headers].filter(
        ([name]) => !['content-encoding', 'content-length', 'transfer-encoding'].includes(name),
      )
      response.writeHead(passed.status, Object.fromEntries(kept)).end(body)
    }
    answer().catch(() => response.writeHead(502).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    refuse: (paths) => {
      refused = paths
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
