// The metrics of this process in Prometheus's text format; the only importer of prom-client.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type LabelsOf, METRICS, type MetricName, type NameOf, type Telemetry } from './telemetry.ts'

/** From a request that a cache answers to one that nearly times out. */
const BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export type SetGauge = <Name extends NameOf<'gauge'>>(name: Name, labels: LabelsOf<Name>, value: number) => void

export interface Metrics {
  telemetryOf(role: string): Telemetry
  /** Called at each scrape, for what is known when asked; gauges that it does not set are not shown. Must not throw. */
  collect(role: string, collector: (set: SetGauge) => Promise<void> | void): void
  text(): Promise<string>
}

export const createMetrics = (): Metrics => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const counters = new Map<MetricName, Counter>()
  const histograms = new Map<MetricName, Histogram>()
  const gauges = new Map<MetricName, Gauge>()
  // The entries of METRICS have its keys.
  for (const [name, { kind, help, labels }] of Object.entries(METRICS) as [MetricName, (typeof METRICS)[MetricName]][]) {
    const options = { name, help, labelNames: ['role', ...labels], registers: [registry] }
    if (kind === 'counter') counters.set(name, new Counter(options))
    else if (kind === 'gauge') gauges.set(name, new Gauge(options))
    else histograms.set(name, new Histogram({ ...options, buckets: BUCKETS_SECONDS }))
  }
  const collectors: { role: string; collector: (set: SetGauge) => Promise<void> | void }[] = []

  return {
    telemetryOf: (role) => ({
      add: (name, labels, value) => counters.get(name)?.inc({ role, ...labels }, value),
      observe: (name, labels, seconds) => histograms.get(name)?.observe({ role, ...labels }, seconds),
    }),
    collect: (role, collector) => void collectors.push({ role, collector }),
    text: async () => {
      const collected: (() => void)[] = []
      await Promise.all(
        collectors.map(({ role, collector }) =>
          collector((name, labels, value) => void collected.push(() => gauges.get(name)?.set({ role, ...labels }, value))),
        ),
      )
      // In one go, so that a second scrape does not see half of it.
      for (const each of gauges.values()) each.reset()
      for (const set of collected) set()
      return registry.metrics()
    },
  }
}
