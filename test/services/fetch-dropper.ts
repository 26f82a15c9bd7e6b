// A way to a Kafka broker on which everything passes but, when told so, the answers to fetches: connected, and yet half open.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const FETCH = 1
const LENGTH_BYTES = 4

export interface FetchDropper {
  isDropping: boolean
  /** Answers to fetches that were dropped, and other answers that passed meanwhile. */
  dropped: number
  passed: number
  /** For the client's setting `socketFactory`: every connection goes this way. */
  readonly socketFactory: (to: { readonly onConnect: () => void }) => Socket
  close(): Promise<void>
}

/** Takes whole frames (a length of four bytes, then as many) off the front and gives what is left over. */
const eachFrame = (bytes: Buffer, take: (frame: Buffer) => void): Buffer => {
  let rest = bytes
  while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readInt32BE()) {
    const end = LENGTH_BYTES + rest.readInt32BE()
    take(rest.subarray(0, end))
    rest = rest.subarray(end)
  }
  return rest
}

const onFrames = (socket: Socket, take: (frame: Buffer) => void): void => {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = eachFrame(Buffer.concat([rest, chunk]), take)
  })
}

export const startFetchDropper = async (broker: string): Promise<FetchDropper> => {
  const [host = '', brokerPort] = broker.split(':')
  const sockets = new Set<Socket>()
  const server = createServer((inside) => {
    const outside = connect(Number(brokerPort), host)
    const fetches = new Set<number>()
    // https://kafka.apache.org/protocol: length, then in a request kind (2), version (2), correlation id; in an answer its id.
    onFrames(inside, (frame) => {
      if (frame.readInt16BE(LENGTH_BYTES) === FETCH) fetches.add(frame.readInt32BE(LENGTH_BYTES + 4))
      outside.write(frame)
    })
    onFrames(outside, (frame) => {
      const isFetch = fetches.delete(frame.readInt32BE(LENGTH_BYTES))
      if (dropper.isDropping && isFetch) {
        dropper.dropped++
        return
      }
      if (dropper.isDropping) dropper.passed++
      inside.write(frame)
    })
    for (const [socket, other] of [
      [inside, outside],
      [outside, inside],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has such an address.
  const { port } = server.address() as AddressInfo
  const dropper: FetchDropper = {
    isDropping: false,
    dropped: 0,
    passed: 0,
    socketFactory: ({ onConnect }) => connect(port, '127.0.0.1', onConnect),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
  return dropper
}
