// Other systems that do the same work: a folder whose README says how it is set up and run. Its run.sh prints a JSON line for each
// measurement, its fake-api.mjs is the API that it reads; come out their figures. Throws when a peer fails or has left wrong rows.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { freePorts } from '../local/ports.ts'
import type { StackAddresses } from '../local/stack.ts'
import { startApi, type Vendor } from './simulator-process.ts'

const MeasurementSchema = z.object({
  /** With the pass behind it, where there are several. */
  peer: z.string(),
  version: z.string(),
  note: z.string(),
  n: z.number(),
  seconds: z.number(),
  rec_per_s: z.number(),
  cpu_s: z.number(),
  server_cpu_s: z.number(),
  peak_rss_mb: z.number(),
})

export type PeerMeasurement = z.infer<typeof MeasurementSchema>

export interface PeersApi extends Vendor {
  /** Every record has changed from now on. */
  change(): Promise<void>
}

export interface Peers {
  api(people: number): Promise<PeersApi>
  measure(work: string, records: number): Promise<readonly PeerMeasurement[]>
}

/** What its checks say, on stderr, of rows that are not those that were asked for. */
const WRONG = /^check .*WRONG.*$/m

export const peersIn = (dir: string, { postgres, kafka, schemaRegistry }: StackAddresses): Peers => {
  const home = process.env['PEERS_HOME'] ?? join(tmpdir(), 'peers-home')
  const [program, setUp] = ['run.sh', 'setup.sh'].map((name) => resolve(dir, name)) as [string, string] // two names
  if (!existsSync(program)) throw new Error(`There is no ${program}; --peers names the folder of the peers' benchmark`)
  if (!existsSync(home)) throw new Error(`The peers are not set up in ${home}; run ${setUp}`)
  const server = new URL(postgres)
  server.pathname = ''
  return {
    api: async (people) => {
      const [port = 0] = await freePorts(1)
      const env = { ...process.env, PORT: String(port), N: String(people) }
      const { pid, end } = await startApi(join(dir, 'fake-api.mjs'), [], env)
      const url = `http://127.0.0.1:${port}`
      const change = async () => void (await fetch(`${url}/_gen?g=2`))
      return { pid, end, url, personalToken: 'bench:bench', change }
    },
    measure: async (work, records) => {
      const [port, connectPort] = await freePorts(2)
      const env = {
        ...process.env,
        ...{ PEERS_HOME: home, N: String(records), API_PORT: String(port), CONNECT_PORT: String(connectPort) },
        ...{ PG_URL: server.href, KAFKA: kafka, REGISTRY: new URL(schemaRegistry).origin },
      }
      const child = spawn(program, [work], { env, stdio: ['ignore', 'pipe', 'pipe'] })
      const [stdout, stderr] = [[] as string[], [] as string[]]
      child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text))
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        stderr.push(text)
        process.stderr.write(text)
      })
      const [code] = await once(child, 'close')
      const [wrong] = WRONG.exec(stderr.join('')) ?? []
      if (code !== 0 || wrong !== undefined) throw new Error(`${program} ${work} ended with ${code}: ${wrong ?? 'see above'}`)
      const lines = stdout.join('').split('\n')
      return lines.filter((line) => line.startsWith('{')).map((line) => MeasurementSchema.parse(JSON.parse(line)))
    },
  }
}
