// A way to a TCP service that can be cut and mended: connections through it break and are refused as when the service is away.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  /** The same URL by way of the proxy. */
  readonly url: string
  /** Breaks all connections and refuses new ones. */
  cut(): void
  mend(): void
  /** Connections refused since the start. */
  refused(): number
  close(): Promise<void>
}

export const startProxy = async (target: string): Promise<TcpProxy> => {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let isCut = false
  let refused = 0
  const server = createServer((inside) => {
    if (isCut) {
      refused++
      inside.destroy()
      return
    }
    const outside = connect(Number(port), hostname)
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket)
      socket.pipe(other)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  // A server that listens on TCP has such an address.
  url.port = String((server.address() as AddressInfo).port)
  url.hostname = '127.0.0.1'
  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: url.href,
    cut: () => {
      isCut = true
      breakAll()
    },
    mend: () => {
      isCut = false
    },
    refused: () => refused,
    close: async () => {
      breakAll()
      server.close()
      await once(server, 'close')
    },
  }
}
