// A worker process seen from its port: ready, counted, waiting while PostgreSQL is away, and stopped in the middle of a run.
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { startProxy, type TcpProxy } from '../harness/proxy.ts'
import { type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'

const ORG = 'church'
const reportSchema = z.object({
  roles: z.array(z.object({ role: z.string(), state: z.string(), for: z.string().optional(), since: z.string() })),
})

let installation: Installation
let simulator: Simulator
let postgres: TcpProxy
let worker: WorkerProcess
let port: number

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has such an address.
  const { port: free } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return free
}

const get = async (path: string): Promise<{ status: number; text: string }> => {
  const response = await fetch(`http://127.0.0.1:${port}${path}`)
  return { status: response.status, text: await response.text() }
}
const statusOf = (path: string): Promise<number> =>
  get(path).then(
    ({ status }) => status,
    () => 0,
  )
const waitingFor = async (): Promise<Record<string, string>> => {
  const { roles } = reportSchema.parse(JSON.parse((await get('/ready')).text))
  return Object.fromEntries(roles.flatMap((each) => (each.state === 'waiting' ? [[each.role, each.for ?? '']] : [])))
}

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const samples = async (): Promise<readonly Sample[]> =>
  [...(await get('/metrics')).text.matchAll(/^(syncline_\w+)\{(.*)\} (\S+)$/gm)].map(([, name = '', labels = '', value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text])),
    value: Number(value),
  }))

const sum = (all: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number =>
  all
    .filter((each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value))
    .reduce((total, { value }) => total + value, 0)

const startWorker = (): WorkerProcess =>
  installation.workerWith({ SYNCLINE_DATABASE_URL: postgres.url, SYNCLINE_METRICS_PORT: String(port) }, 'all')

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 1_000, latencyMs: 30 })
  postgres = await startProxy(installation.database.url)
  port = await freePort()
  worker = startWorker()
  await installation.cli(
    ['org', 'add', '--no-schedules', ORG, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
})

afterAll(async () => {
  await installation?.remove()
  await postgres?.close()
  await simulator?.close()
})

test('a worker is ready when all its roles are, and says so', async () => {
  await until('the worker is ready', async () => (await statusOf('/ready')) === 200)
  const { roles } = reportSchema.parse(JSON.parse((await get('/ready')).text))
  expect(roles.map(({ role, state }) => [role, state])).toEqual(
    ['orchestrate', 'fetch', 'process', 'sink'].map((r) => [r, 'idle']),
  )
})

const runEnd = z.object({
  runId: z.string(),
  state: z.string(),
  entities: z.array(
    z.object({
      entity: z.string(),
      calls: z.number(),
      pages: z.number(),
      fetched: z.number(),
      merged: z.number(),
      parked: z.number(),
    }),
  ),
})

test('what is counted equals what the run says', async () => {
  const result = await installation.cli(['sync', '--org', ORG, '--select', 'person,email,campus', '--wait', '--json'])
  expect(result.code, result.stderr + worker.log()).toBe(0)
  const run = runEnd.parse(result.json.at(-1))
  const all = await samples()
  const total = (column: 'calls' | 'pages' | 'fetched' | 'merged') => run.entities.reduce((n, each) => n + each[column], 0)
  for (const { entity, fetched, merged } of run.entities) {
    expect(merged).toBeGreaterThan(0)
    expect(sum(all, 'syncline_sink_records_total', { entity }), entity).toBe(fetched)
    // Parked ones get another outcome when their parent comes; they are counted by their first.
    if (entity !== 'email') expect(sum(all, 'syncline_sink_records_total', { entity, outcome: 'merged' }), entity).toBe(merged)
    expect(sum(all, 'syncline_fetch_records_total', { entity, adapter: 'pco' }), entity).toBe(fetched)
    expect(sum(all, 'syncline_process_records_total', { entity, outcome: 'canonical' }), entity).toBe(fetched)
  }
  expect(sum(all, 'syncline_fetch_requests_total', { outcome: 'ok' })).toBe(total('calls'))
  expect(sum(all, 'syncline_consumed_records_total', { role: 'process' })).toBe(sum(all, 'syncline_fetch_pages_total'))
  expect(sum(all, 'syncline_consumed_records_total', { role: 'sink' })).toBe(total('fetched'))
  expect(sum(all, 'syncline_produced_bytes_total', { role: 'process' })).toBe(
    sum(all, 'syncline_consumed_bytes_total', { role: 'sink' }),
  )
  expect(sum(all, 'syncline_sink_merge_seconds_count')).toBeGreaterThan(0)
  expect(all.find(({ name }) => name === 'syncline_open_pages')?.value).toBe(0)
  expect(all.filter(({ labels }) => Object.values(labels).includes(ORG))).toEqual([])
  const told = `${(await get('/metrics')).text}${(await get('/ready')).text}`
  const { SYNCLINE_ENCRYPTION_KEY: key = '-', SYNCLINE_DATABASE_URL: url = '-' } = installation.env
  for (const secret of [simulator.personalToken, key, new URL(url).password]) expect(told).not.toContain(secret)
  await until('nothing is behind', async () => sum(await samples(), 'syncline_consumer_lag_records') === 0)
})

test('without PostgreSQL a worker waits for it, is live, and goes on by itself', async () => {
  postgres.cut()
  const expected = { orchestrate: 'PostgreSQL', fetch: 'PostgreSQL', sink: 'PostgreSQL' }
  let seen: Record<string, string> = {}
  await until(
    'the roles wait for PostgreSQL',
    async () => {
      seen = await waitingFor()
      return JSON.stringify(seen) === JSON.stringify(expected)
    },
    20_000,
  ).catch((error: unknown) => {
    throw new Error(`waiting: ${JSON.stringify(seen)}`, { cause: error })
  })
  expect([await statusOf('/ready'), await statusOf('/live')]).toEqual([503, 200])
  postgres.mend()
  await until('the worker is ready again', async () => (await statusOf('/ready')) === 200)
  expect(worker.log()).not.toMatch(/"msg":"role crashed"/)
})

test('SIGTERM in the middle of a run ends the worker with 0 in ten seconds, and another one ends the run', async () => {
  const running = installation.cli(['sync', '--org', ORG, '--wait', '--json'])
  await until('records flow', async () => sum(await samples(), 'syncline_fetch_pages_total', { entity: 'household' }) > 3)
  const startedAt = performance.now()
  expect(await worker.stop(), worker.log()).toBe(0)
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  expect(worker.log()).not.toMatch(/left behind/)
  worker = startWorker()
  const result = await running
  expect(result.code, result.stderr + worker.log()).toBe(0)
  const differences = await compareWithModel(
    installation.pool,
    adapterByName('pco').manifest,
    { orgId: ORG, source: 'pco' },
    simulator.model,
  )
  expect(differences.filter((difference) => !isEqual(difference))).toEqual([])
})

test('SIGTERM ends a worker with 0 in ten seconds also when PostgreSQL does not answer', async () => {
  await until('the worker is ready', async () => (await statusOf('/ready')) === 200)
  postgres.swallow()
  const startedAt = performance.now()
  expect(await worker.stop(), worker.log()).toBe(0)
  expect(performance.now() - startedAt).toBeLessThan(10_000)
  expect(worker.log()).toMatch(/left behind/)
})
