// A command comes to one fetcher, by chance: what it has no slot for, or what is lost on Kafka, another takes that has slots to spare.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { openTopicRecords } from '../harness/topic-records.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { stackAddresses } from './support.ts'

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 10 })
  await installation.cli(
    ['org', 'add', '--no-schedules', 'acme', '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const count = async (sql: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: string }>(sql)
  return Number(rows[0]?.n)
}

test('ranges whose commands come to nobody are fetched by whoever has a slot, without a leader', async () => {
  const orchestrator = installation.worker('orchestrate')
  const { code, stderr } = await installation.cli(['sync', '--org', 'acme', '--select', 'campus'])
  expect(code, stderr).toBe(0)
  const emitted = `select count(*) as n from sync.ranges where state = 'open' and wake_at > now()`
  await until('the command is emitted', async () => (await count(emitted)) > 0)
  await orchestrator.stop()
  const logs = await openTopicRecords(stackAddresses().kafka)
  await logs.empty(topicsWithPrefix(installation.prefix).commands)
  await logs.close()
  const fetcher = installation.worker('fetch')
  await until('the range has ended', async () => (await count(`select count(*) as n from sync.ranges where state = 'ended'`)) > 0)
  await fetcher.stop()
})
