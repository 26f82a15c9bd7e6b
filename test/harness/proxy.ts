// A way to a TCP service that can be spoilt and mended: cut, reset, half-open, slow, sliced, or answered in the service's place.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  /** The same URL by way of the proxy. */
  readonly url: string
  /** Breaks all connections and refuses new ones. */
  cut(): void
  /** Connections of now end with a reset; new ones are as before. */
  reset(): void
  /** Connections of now fall silent for good, and nobody is told; new ones are as before. */
  halfOpen(): void
  /** The same, and new ones are accepted and as silent. */
  swallow(): void
  /** Each piece comes so much later, both ways, in order. */
  delay(fromMs: number, toMs: number): void
  /** What is sent comes in pieces of so many bytes. */
  slice(bytes: number): void
  /** Each direction of a connection passes so many bytes a second. */
  narrow(bytesPerSecond: number): void
  /** New connections and requests get this in place of the service's answer. */
  answer(text: string): void
  /** New data passes as if nothing had been; what is cut or silent stays so. */
  mend(): void
  /** Connections refused since the start. */
  refused(): number
  close(): Promise<void>
}

interface Ways {
  readonly isCut: boolean
  readonly isSilent: boolean
  readonly delayMs: readonly [number, number]
  readonly sliceBytes: number
  readonly bytesPerSecond: number
  readonly answer: string | undefined
}

const WELL: Ways = {
  isCut: false,
  isSilent: false,
  delayMs: [0, 0],
  sliceBytes: Number.POSITIVE_INFINITY,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  answer: undefined,
}

interface Link {
  readonly inside: Socket
  readonly outside: Socket
  isSilent: boolean
}

export const startProxy = async (target: string): Promise<TcpProxy> => {
  const { hostname, port } = new URL(target)
  const links = new Set<Link>()
  let ways = WELL
  let refused = 0
  const server = createServer((inside) => {
    if (ways.isCut) {
      refused++
      inside.destroy()
      return
    }
    const outside = connect(Number(port), hostname)
    const link: Link = { inside, outside, isSilent: ways.isSilent }
    links.add(link)
    forward(link, inside, outside, () => ways)
    forward(link, outside, inside, () => ({ ...ways, answer: undefined }))
    inside.once('close', () => links.delete(link))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(target)
  // A server that listens on TCP has such an address.
  url.port = String((server.address() as AddressInfo).port)
  url.hostname = '127.0.0.1'
  const silenceAll = () => {
    for (const link of links) link.isSilent = true
  }
  const breakAll = () => {
    for (const { inside, outside } of links) for (const socket of [inside, outside]) socket.destroy()
  }
  return {
    url: url.href,
    cut: () => {
      ways = { ...ways, isCut: true }
      breakAll()
    },
    reset: () => {
      for (const { inside, outside } of links) {
        inside.resetAndDestroy()
        outside.destroy()
      }
    },
    halfOpen: silenceAll,
    swallow: () => {
      ways = { ...ways, isSilent: true }
      silenceAll()
    },
    delay: (fromMs, toMs) => {
      ways = { ...ways, delayMs: [fromMs, toMs] }
    },
    slice: (sliceBytes) => {
      ways = { ...ways, sliceBytes }
    },
    narrow: (bytesPerSecond) => {
      ways = { ...ways, bytesPerSecond }
    },
    answer: (answer) => {
      ways = { ...ways, answer }
    },
    mend: () => {
      ways = WELL
    },
    refused: () => refused,
    close: async () => {
      breakAll()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Pieces are passed on in order, each at its time; the other end closes when the last has passed. */
const forward = (link: Link, from: Socket, to: Socket, ways: () => Ways): void => {
  let last: Promise<void> = Promise.resolve()
  from.on('data', (chunk) => {
    const { delayMs, sliceBytes, bytesPerSecond, answer } = ways()
    if (answer !== undefined) {
      from.end(answer)
      to.destroy()
      return
    }
    const [least, most] = delayMs
    const dueAt = performance.now() + least + Math.random() * (most - least)
    last = last.then(async () => {
      if (most > 0) await until(dueAt)
      if (link.isSilent) return
      await write(to, chunk, sliceBytes)
      if (Number.isFinite(bytesPerSecond)) await until(performance.now() + (1_000 * chunk.length) / bytesPerSecond)
    })
    // A slow link is slow for the sender, too.
    from.pause()
    last.then(() => from.resume())
  })
  from.on('error', () => {
    if (!link.isSilent) to.destroy()
  })
  from.on('close', () => {
    if (!link.isSilent) last.then(() => to.destroy())
  })
}

const until = (at: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, at - performance.now())))

const room = (to: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      to.off('drain', done).off('close', done)
      resolve()
    }
    to.on('drain', done).on('close', done)
  })

const write = async (to: Socket, chunk: Buffer, sliceBytes: number): Promise<void> => {
  for (let from = 0; from < chunk.length && !to.destroyed; from += sliceBytes) {
    const whole = sliceBytes >= chunk.length
    const isRoomy = to.write(whole ? chunk : chunk.subarray(from, from + sliceBytes))
    if (!isRoomy) await room(to)
    else if (!whole) await new Promise((resolve) => setImmediate(resolve))
  }
}
