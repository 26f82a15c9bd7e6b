// Bodies of requests into memory, within bounds: a request goes in, its bytes come out, held until they are released. Must hold: what all
// of them have in hand together never exceeds the cap, whoever sends it.
import type { IncomingHttpHeaders } from 'node:http'

interface Sent extends AsyncIterable<unknown> {
  readonly headers: IncomingHttpHeaders
}

export interface HeldBody {
  readonly body: Buffer
  /** To be called once, when nobody needs it any more. */
  release(): void
}

/** `too-large`: this one is above its limit. `unavailable`: there is no room for it now. The rest of it was not read. */
export type Refusal = 'too-large' | 'unavailable'

export const createBodies = ({ maxBytes, maxInHand }: { readonly maxBytes: number; readonly maxInHand: number }) => {
  let inHand = 0

  return async (request: Sent): Promise<HeldBody | Refusal> => {
    let held = 0
    const release = (): void => {
      inHand -= held
      held = 0
    }
    /** Room for this many bytes in all, or why there is none. */
    const hold = (bytes: number): Refusal | undefined => {
      if (bytes > maxBytes) return 'too-large'
      const more = Math.max(0, bytes - held)
      if (inHand + more > maxInHand) return 'unavailable'
      inHand += more
      held += more
      return undefined
    }

    const chunks: Buffer[] = []
    try {
      let bytes = 0
      // What is announced is held from the beginning: many that are half read would wait for each other.
      let refusal = hold(Number(request.headers['content-length'] ?? 0))
      if (refusal !== undefined) return refusal
      for await (const chunk of request) {
        // A request without an encoding yields buffers.
        const part = chunk as Buffer
        bytes += part.length
        refusal = hold(bytes)
        if (refusal !== undefined) {
          release()
          return refusal
        }
        chunks.push(part)
      }
      return { body: Buffer.concat(chunks), release }
    } catch (error) {
      release()
      throw error
    }
  }
}
