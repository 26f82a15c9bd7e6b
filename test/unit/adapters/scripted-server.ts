// An HTTP server whose answers are scripted, one per request, down to the bytes: what a vendor must never do and does.
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answer = (response: ServerResponse, socket: Socket) => void

export interface ScriptedServer {
  readonly url: string
  readonly received: Received[]
  /** Connections accepted so far. */
  connections(): number
  /** Answers are used in order; the last one again and again. */
  script(...answers: Answer[]): void
  close(): Promise<void>
}

export const startScriptedServer = async (): Promise<ScriptedServer> => {
  const received: Received[] = []
  let [answers, connections]: [Answer[], number] = [[], 0]
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      answer?.(response, request.socket)
    })
  }
  const server = createServer(listener)
  server.on('connection', () => connections++)
  await listen(server)
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    connections: () => connections,
    script: (...script) => {
      answers = script
      received.length = 0
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const listen = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

export const json =
  (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))

export const text =
  (body: string | Buffer, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) =>
    response.writeHead(status, headers).end(body)

/** Bytes as they go over the wire, status line included; then the connection is closed. */
export const raw =
  (bytes: string): Answer =>
  (_, socket) =>
    socket.end(bytes)
