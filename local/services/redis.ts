// Redis for rate-limit windows and progress: nothing on disk, and never an eviction (a lost window would break a vendor's limit).
import { connect } from 'node:net'
import { launch, type Service } from '../service.ts'

const PROBE_TIMEOUT_MS = 1000

/** `server`: path or name of the redis-server program. */
export const redis = (server: string): Service => ({
  name: 'redis',
  start: (context) =>
    launch('redis', context, {
      command: { command: server, args: redisArgs(context.port), cwd: context.dir },
      address: `redis://127.0.0.1:${context.port}`,
      probe: () => ping(context.port),
    }),
})

const redisArgs = (port: number): string[] => [
  ...['--port', String(port), '--bind', '127.0.0.1', '--daemonize', 'no'],
  ...['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--loglevel', 'warning'],
]

/** Rejects unless the server on this port answers a PING with PONG. */
const ping = (port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(PROBE_TIMEOUT_MS, () => socket.destroy(new Error('no answer to PING')))
    socket.once('data', (answer) => {
      socket.destroy()
      if (answer.toString('latin1') === '+PONG\r\n') resolve()
      else reject(new Error('PING was not answered with PONG'))
    })
    socket.once('error', reject)
  })
