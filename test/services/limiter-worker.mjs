// One worker of limiter.test.ts: takes permits and sends requests, `slots` at a time, until it is killed.

import { silentLogger } from '../../dist/platform/logger.js'
import { connectRedis } from '../../dist/platform/redis.js'
import { createLimiter, isUsable } from '../../dist/producers/limiter/limiter.js'
import { waitForPermit } from '../../dist/producers/limiter/wait.js'

const { redisUrl, keyPrefix, targetUrl, policy, permitLifeMs, requestTimeoutMs, neverUsed, slots } = JSON.parse(process.argv[2])
const credential = 'acme/pco'
const redis = await connectRedis(redisUrl, silentLogger, { commandTimeoutMs: 500 })
const limiter = createLimiter({ redis, logger: silentLogger, keyPrefix, requestTimeoutMs, permitLifeMs })

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const send = async () => {
  try {
    const headers = { 'x-given-up-at': String(performance.timeOrigin + performance.now() + requestTimeoutMs) }
    const response = await fetch(targetUrl, { headers, signal: AbortSignal.timeout(requestTimeoutMs) })
    await response.text()
    const header = (name) => Number(response.headers.get(name))
    return { limit: header('x-limit'), periodMs: header('x-period-ms'), count: header('x-count') }
  } catch {
    return null
  }
}

const step = async (first) => {
  const deadline = performance.now() + 10_000
  const acquired = await waitForPermit(limiter, credential, { policy, deadline, neverUsed: first && neverUsed })
  if (acquired.kind === 'wait') return pause(acquired.retryAfterMs)
  if (!isUsable(acquired.permit)) return limiter.release(credential, acquired.permit)
  await limiter.settle(credential, acquired.permit, await send())
}

const loop = async (first) => {
  for (let turn = 0; ; turn++) {
    await step(first && turn === 0).catch((error) => {
      if (error.code !== 'unavailable') throw error
      return pause(50)
    })
  }
}

await Promise.all(Array.from({ length: slots }, (_, index) => loop(index === 0)))
