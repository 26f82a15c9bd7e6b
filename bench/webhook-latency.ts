// How long a change at the vendor takes to be in the tables by way of a webhook, while a full sync of the same organisation runs under the
// vendor's limit. One worker process for everything but the receiver, as on a small machine.
// Usage: npm run bench:webhooks -- [deliveries per second] [seconds] [people] [limit, such as 100/20, or none: no full sync beside it]
// Prints one JSON object: percentiles in ms from the change at the vendor to the row, and from the receipt to the row.

import type { StackAddresses } from '../local/stack.ts'
import { pause } from '../platform/lifecycle.ts'
import { readRate } from '../simulator/rate.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { createInstallation, type Installation } from '../test/harness/installation.ts'
import { receiverUrl } from '../test/harness/receiver.ts'
import { cpuSeconds } from './process-figures.ts'
import { withStack } from './stack.ts'

const LOOK_EVERY_MS = 10
const LANDED_WITHIN_MS = 120_000
const STEP_MS = 50

const run = async (installation: Installation, args: readonly string[], input = ''): Promise<void> => {
  const { code, stderr } = await installation.cli(args, input)
  if (code !== 0) throw new Error(stderr)
}

const percentile = (sorted: readonly number[], share: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN)

const figures = (values: readonly number[]): object => {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    p50: percentile(sorted, 0.5),
    p95: percentile(sorted, 0.95),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
  }
}

interface Watch {
  readonly toldAt: Map<string, number>
  readonly landedAfterMs: number[]
  /** Looks until all that was told has landed. */
  end(): Promise<void>
}

/** A look costs the database little: the marker of a change stands in an indexed row. */
const watch = ({ pool }: Installation): Watch => {
  const toldAt = new Map<string, number>()
  const landedAfterMs: number[] = []
  let isEnding = false
  const look = async (): Promise<void> => {
    const markers = [...toldAt.keys()]
    const ids = markers.map((marker) => marker.split('/')[0])
    const { rows } = await pool.query<{ nickname: string }>(
      'select nickname from canonical.person where external_id = any($1) and nickname = any($2)',
      [ids, markers],
    )
    const now = performance.now()
    for (const { nickname } of rows) {
      landedAfterMs.push(now - (toldAt.get(nickname) ?? now))
      toldAt.delete(nickname)
    }
  }
  const looking = (async () => {
    const giveUpAt = performance.now() + LANDED_WITHIN_MS
    while (!isEnding || toldAt.size > 0) {
      if (toldAt.size > 0) await look()
      if (isEnding && performance.now() > giveUpAt + LANDED_WITHIN_MS) throw new Error(`${toldAt.size} changes did not land`)
      await pause(LOOK_EVERY_MS)
    }
  })()
  return {
    toldAt,
    landedAfterMs,
    end: () => {
      isEnding = true
      return looking
    },
  }
}

const measure = async (
  stack: StackAddresses,
  perSecond: number,
  seconds: number,
  people: number,
  limit: string,
): Promise<void> => {
  const rate = readRate(limit)
  const installation = await createInstallation(stack, { SYNCLINE_LOG_LEVEL: 'info' })
  const simulator = await startSimulator({ people, latencyMs: 80, ...(rate === undefined ? {} : { rate }) })
  try {
    const worker = installation.worker('all')
    const receiver = installation.workerWith({ SYNCLINE_WEBHOOKS_PORT: '0' }, 'webhooks')
    const url = await receiverUrl(receiver)
    await run(
      installation,
      ['org', 'add', 'acme', '--base-url', simulator.url, '--no-schedules', '--pat-stdin'],
      simulator.personalToken,
    )
    await run(installation, ['webhooks', 'ensure', '--org', 'acme', '--url', url])
    if (rate !== undefined) await run(installation, ['sync', '--org', 'acme', '--json'])
    const ids = [...simulator.model.rows('person')].map(({ id }) => id)
    const watching = watch(installation)
    const [cpuBefore, startedAt] = [cpuSeconds(worker.pid) + cpuSeconds(receiver.pid), performance.now()]
    for (let told = 0; told < perSecond * seconds; ) {
      const due = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond)
      for (; told < Math.min(due, perSecond * seconds); told++) {
        const id = ids[told % ids.length] ?? ''
        const marker = `${id}/${told}`
        watching.toldAt.set(marker, performance.now())
        simulator.mutate({ op: 'update', entity: 'person', id, attributes: { nickname: marker } })
      }
      await pause(STEP_MS / 5)
    }
    await watching.end()
    const elapsed = (performance.now() - startedAt) / 1_000
    const cpu = (cpuSeconds(worker.pid) + cpuSeconds(receiver.pid) - cpuBefore) / elapsed
    const { rows } = await installation.pool.query('select state from sync.runs')
    print({
      type: 'webhook-latency',
      deliveriesPerSecond: perSecond,
      seconds,
      landed: watching.landedAfterMs.length,
      ...figures(watching.landedAfterMs),
      fullRun: rows[0]?.state ?? 'none',
      maxInWindow: simulator.stats().maxInWindow,
      violations: simulator.stats().violations,
      cpuOfWorkers: Math.round(cpu * 100) / 100,
    })
  } finally {
    await installation.remove()
    await simulator.close()
  }
}

const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

// Workers are ended when this process exits.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
const [, , perSecond = '100', seconds = '20', people = '20000', limit = '100/20'] = process.argv
await withStack(({ addresses }) => measure(addresses, Number(perSecond), Number(seconds), Number(people), limit))
process.exit(0)
