// The place to which a vendor sends a browser back: an HTTP listener for one authorisation. Callbacks go in, a verdict of the caller on each
// comes out as a page. Must hold: nothing of a callback is shown or logged, because its code is as good as a password for a moment.
import { createServer, type Server } from 'node:http'
import { messageOf, SynclineError } from '../platform/errors.ts'

export interface Callback {
  readonly state: string
  readonly code: string | null
  /** The vendor's word for why there is no code. */
  readonly error: string | null
}

export interface CallbackVerdict {
  readonly status: number
  readonly page: string
}

export interface Listener {
  readonly url: string
  close(): Promise<void>
}

const html = (text: string): string => `<!doctype html><meta charset="utf-8"><title>Syncline</title><p>${text}</p>`

/** A vendor's error is a short word; whatever else comes is not repeated. */
const wordOf = (text: string | null): string | null => (text === null || /^[a-z_]{1,64}$/.test(text) ? text : 'unknown')

const callbackOf = (url: URL): Callback => ({
  state: url.searchParams.get('state') ?? '',
  code: url.searchParams.get('code'),
  error: wordOf(url.searchParams.get('error')),
})

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SynclineError('unavailable', `The callback cannot be received on ${host}:${port}: ${messageOf(cause)}`, {
          cause,
          remedy: 'Give another port with --listen, and register the address at the vendor.',
        }),
      ),
    )
    server.listen(port, host, resolve)
  })

const portOf = (server: Server): number => {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** `judge` is asked about one callback at a time; it does not throw. */
export const listenForCallback = async (
  { host, port, paths }: { readonly host: string; readonly port: number; readonly paths: ReadonlySet<string> },
  judge: (callback: Callback) => Promise<CallbackVerdict>,
): Promise<Listener> => {
  let turn: Promise<unknown> = Promise.resolve()
  const server = createServer((request, response) => {
    // Of two requests on one socket the second may never get it: then only the socket's end tells.
    const isSent = new Promise<void>((resolve) => {
      response.once('close', resolve)
      request.socket.once('close', resolve)
    })
    const respond = (status: number, text: string): void => {
      response.writeHead(status, {
        'content-type': 'text/html; charset=utf-8',
        'referrer-policy': 'no-referrer',
        connection: 'close',
      })
      response.end(html(text))
    }
    // Strangers reach this port too: `//` is a path of theirs, and no address.
    const [path, base] = [request.url ?? '/', 'http://callback']
    const url = URL.canParse(path, base) ? new URL(path, base) : null
    if (request.method !== 'GET' || url === null || !paths.has(url.pathname)) return respond(404, 'There is nothing here.')
    turn = turn.then(async () => {
      const { status, page } = await judge(callbackOf(url))
      respond(status, page)
      await isSent
    })
  })
  await listen(server, host, port)
  return {
    url: `http://${host}:${portOf(server)}`,
    close: async () => {
      await turn
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // A browser keeps sockets open on which it has asked for nothing yet.
      server.closeAllConnections()
      await closed
    },
  }
}
