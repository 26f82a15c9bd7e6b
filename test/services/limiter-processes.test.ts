import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import type { LimitPolicy } from '../../producers/limiter/limiter.ts'
import { ownRedis } from './own-redis.ts'
import { stackAddresses } from './support.ts'

const workerFile = fileURLToPath(new URL('./limiter-worker.mjs', import.meta.url))
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const endProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** A vendor that keeps the time of each request, tells its own count in headers, and leaves some requests without an answer. */
const startVendor = async (policy: LimitPolicy, { hangEvery = 0, slowMs = 0 } = {}) => {
  const arrivals: number[] = []
  const server = createServer((request, response) => {
    const now = performance.now()
    // On a busy machine this code may run only after the sender gave up: then the request is taken to have arrived at that moment.
    arrivals.push(Math.min(now, Number(request.headers['x-given-up-at']) - performance.timeOrigin))
    const count = arrivals.length - arrivals.findIndex((at) => at > now - policy.periodMs)
    const headers = { 'x-limit': policy.requests, 'x-period-ms': policy.periodMs, 'x-count': count }
    if (hangEvery > 0 && arrivals.length % hangEvery === 0) return
    setTimeout(() => response.writeHead(200, headers).end('{}'), Math.random() * slowMs)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanups.push(async () => {
    server.closeAllConnections()
    server.close()
  })
  return { arrivals, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` } // listens on TCP, so no string or null
}

interface Workers {
  readonly redisUrl: string
  readonly targetUrl: string
  readonly policy: LimitPolicy
  readonly permitLifeMs: number
  readonly requestTimeoutMs: number
  readonly slots: number
}

const startWorkers = (settings: Workers, count: number) => {
  const keyPrefix = `${randomUUID()}.`
  const start = (neverUsed: boolean): ChildProcess => {
    const child = fork(workerFile, [JSON.stringify({ ...settings, keyPrefix, neverUsed })])
    cleanups.push(() => endProcess(child))
    return child
  }
  const children = Array.from({ length: count }, (_, index) => start(index === 0))
  return { children, startAnother: () => start(false) }
}

const arrived = (vendor: { readonly arrivals: readonly number[] }, requests: number): Promise<void> =>
  expect.poll(() => vendor.arrivals.length, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(requests)

const fail = (): never => {
  throw new Error('No worker to kill')
}

/** The most requests that arrived in any `periodMs`. */
const mostInAPeriod = (arrivals: readonly number[], periodMs: number): number => {
  let most = 0
  let first = 0
  const sorted = arrivals.toSorted((a, b) => a - b)
  for (const [last, at] of sorted.entries()) {
    while ((sorted[first] ?? at) <= at - periodMs) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

test('four processes never exceed the limit, through requests without an answer, a killed worker and a Redis that restarts empty', async () => {
  const policy = { requests: 20, periodMs: 2_000 }
  const vendor = await startVendor(policy, { hangEvery: 29, slowMs: 60 })
  const redis = await ownRedis()
  cleanups.push(redis.remove)
  await redis.start()
  const settings = {
    redisUrl: redis.url,
    targetUrl: vendor.url,
    policy,
    permitLifeMs: 200,
    requestTimeoutMs: 500,
    slots: 10,
  }
  const workers = startWorkers(settings, 4)

  await arrived(vendor, policy.requests / 2)
  await endProcess(workers.children[1] ?? fail())
  workers.startAnother()
  await arrived(vendor, 1.5 * policy.requests) // in the middle of the second burst
  await redis.kill()
  const killedAt = performance.now()
  await redis.start()
  await arrived(vendor, vendor.arrivals.length + 2.5 * policy.requests)

  expect(mostInAPeriod(vendor.arrivals, policy.periodMs)).toBeLessThanOrEqual(policy.requests)
  const resumedAt = vendor.arrivals.find((at) => at > killedAt + settings.permitLifeMs + settings.requestTimeoutMs) ?? 0
  expect(resumedAt - killedAt).toBeGreaterThanOrEqual(policy.periodMs + settings.permitLifeMs + settings.requestTimeoutMs)
})

test('four processes with short requests use at least 95 % of the limit', async () => {
  const policy = { requests: 60, periodMs: 3_000 }
  const windows = 3
  const vendor = await startVendor(policy, { slowMs: 10 })
  const settings = {
    redisUrl: stackAddresses().redis,
    targetUrl: vendor.url,
    policy,
    permitLifeMs: 1_000,
    requestTimeoutMs: 1_000,
    slots: 15,
  }
  startWorkers(settings, 4)

  const wanted = windows * policy.requests
  await arrived(vendor, wanted + 1)
  const tookMs = (vendor.arrivals[wanted] ?? 0) - (vendor.arrivals[0] ?? 0)
  expect(mostInAPeriod(vendor.arrivals, policy.periodMs)).toBeLessThanOrEqual(policy.requests)
  expect((windows * policy.periodMs) / tookMs).toBeGreaterThanOrEqual(0.95)
})
