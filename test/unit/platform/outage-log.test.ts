// When the log says that Kafka is away: at once, but for a coordinator that is only starting.
import { expect, it } from 'vitest'
import { createOutageLog } from '../../../platform/kafka/outage-log.ts'
import { type Logger, silentLogger } from '../../../platform/logger.ts'

const loading = (): Error => Object.assign(new Error('loading'), { type: 'GROUP_LOAD_IN_PROGRESS' })
const wrapped = (): Error => new Error('retries exceeded', { cause: loading() })

const scene = () => {
  const lines: string[] = []
  let now = 0
  const log: Logger = {
    ...silentLogger,
    debug: () => void lines.push('debug'),
    info: () => void lines.push('info'),
    warn: () => void lines.push('warn'),
  }
  const wait = (ms: number) => {
    now += ms
  }
  return { lines, wait, outage: createOutageLog(log, 'g', () => now) }
}

it('an outage is told once, and once that it is over', () => {
  const { lines, outage } = scene()
  outage.joined()
  outage.crashed(new Error('connection closed'))
  outage.crashed(loading())
  outage.joined()
  outage.joined()
  expect(lines).toEqual(['warn', 'info'])
})

it('a coordinator that is loading its groups is not worth a word, unless it goes on', () => {
  const { lines, wait, outage } = scene()
  outage.crashed(loading())
  wait(5_000)
  outage.crashed(wrapped())
  expect(lines).toEqual(['debug', 'debug'])
  outage.joined()
  expect(lines).toHaveLength(2)
  outage.crashed(loading())
  wait(10_000)
  outage.crashed(loading())
  expect(lines.slice(2)).toEqual(['debug', 'warn'])
})
