// Asks a broker for its metadata in the wire protocol, without a client: ready is a broker that lists itself as unfenced.
import { connect } from 'node:net'

const PROBE_TIMEOUT_MS = 2000
const CORRELATION_ID = 1

/** Rejects unless the broker on this port of 127.0.0.1 lists at least one broker (itself) in its metadata. */
export const probeKafka = async (port: number): Promise<void> => {
  if (brokersIn(await exchange(port, metadataRequest())) < 1) throw new Error('the broker is not yet part of its cluster')
}

/** Metadata request, version 4 (https://kafka.apache.org/protocol#The_Messages_Metadata), of no topics. */
export const metadataRequest = (): Buffer => {
  const clientId = Buffer.from('syncline-probe')
  const body = Buffer.alloc(10 + clientId.length + 5)
  let at = body.writeInt16BE(3) // API key
  at = body.writeInt16BE(4, at) // API version
  at = body.writeInt32BE(CORRELATION_ID, at)
  at = body.writeInt16BE(clientId.length, at)
  at += clientId.copy(body, at)
  at = body.writeInt32BE(0, at) // topics: none
  body.writeInt8(0, at) // allow auto creation: no
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length)
  return Buffer.concat([size, body])
}

/** The number of brokers in a metadata response of version 4, given without its size: correlation id, throttle time, brokers. */
export const brokersIn = (response: Buffer): number => {
  if (response.length < 12 || response.readInt32BE(0) !== CORRELATION_ID)
    throw new Error('this is not the answer of a Kafka broker')
  return response.readInt32BE(8)
}

/** Sends one request and resolves with one response, without its size. */
const exchange = (port: number, request: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    let received = Buffer.alloc(0)
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.setTimeout(PROBE_TIMEOUT_MS, () => socket.destroy(new Error('no answer to a metadata request')))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      socket.destroy()
      resolve(received.subarray(4))
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the broker closed the connection')))
  })
