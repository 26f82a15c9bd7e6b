// What the port of a worker answers in each state of its roles, over HTTP.
import { afterEach, describe, expect, test } from 'vitest'
import type { RoleReport } from '../../../platform/health.ts'
import { type HealthServer, startHealthServer } from '../../../platform/health-server.ts'
import { createMetrics } from '../../../platform/prometheus.ts'
import { ROLE_STATES, type RoleState } from '../../../platform/role-state.ts'

const roleIn = (state: RoleState, role = 'sink'): RoleReport => ({ role, state, since: '', lastProgressAt: null, restarts: 0 })

let server: HealthServer | undefined
afterEach(() => server?.close())

const serve = async (roles: readonly RoleReport[], metrics = async () => '') => {
  server = await startHealthServer({ host: '127.0.0.1', port: 0, roles: () => roles, metrics })
  const { port } = server
  return (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method })
}

test.each(ROLE_STATES.map((state) => [state]))('a role that is %s beside a well one', async (state) => {
  const get = await serve([roleIn('idle', 'fetch'), roleIn(state)])
  const [live, ready] = [await get('/live'), await get('/ready')]
  expect(live.status).toBe(['stuck', 'lost'].includes(state) ? 503 : 200)
  expect(ready.status).toBe(['idle', 'busy'].includes(state) ? 200 : 503)
})

test('the answer names each role, what it waits for and since when', async () => {
  const waiting = { ...roleIn('waiting'), for: 'PostgreSQL', since: '2026-01-01T00:00:00.000Z' }
  const get = await serve([waiting])
  expect(await (await get('/ready')).json()).toEqual({ ready: false, roles: [waiting] })
})

test('nothing else is there, and nothing can be changed', async () => {
  const get = await serve([])
  expect((await get('/')).status).toBe(404)
  expect((await get('/live', 'POST')).status).toBe(405)
  expect(await (await get('/live', 'HEAD')).text()).toBe('')
})

test('a port that is taken is told with what to do', async () => {
  await serve([])
  const again = startHealthServer({ host: '127.0.0.1', port: server?.port ?? 0, roles: () => [], metrics: async () => '' })
  await expect(again).rejects.toMatchObject({ code: 'config', remedy: expect.stringContaining('--port') })
})

describe('metrics', () => {
  test('carry the role, and gauges only what was collected now', async () => {
    const metrics = createMetrics()
    metrics.telemetryOf('sink').add('syncline_sink_records_total', { entity: 'person', outcome: 'merged' }, 7)
    metrics.telemetryOf('sink').observe('syncline_sink_merge_seconds', {}, 0.2)
    let parked: number | undefined = 3
    metrics.collect('orchestrate', (set) => {
      if (parked !== undefined) set('syncline_parked_records', { entity: 'address' }, parked)
    })
    const get = await serve([], metrics.text)
    const first = await (await get('/metrics')).text()
    expect(first).toContain('syncline_sink_records_total{role="sink",entity="person",outcome="merged"} 7')
    expect(first).toContain('syncline_sink_merge_seconds_count{role="sink"} 1')
    expect(first).toContain('syncline_parked_records{role="orchestrate",entity="address"} 3')
    parked = undefined
    expect(await (await get('/metrics')).text()).not.toContain('syncline_parked_records{')
  })
})
