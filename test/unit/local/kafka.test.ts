import { expect, it } from 'vitest'
import { newClusterId } from '../../../local/services/kafka.ts'

it('a cluster id never begins with a hyphen, which the tool of Kafka would take for an option', () => {
  const draws = [Buffer.alloc(16, 0xff).fill(0xf8, 0, 1), Buffer.alloc(16, 1)]
  expect(draws[0]?.toString('base64url')).toMatch(/^-/)
  expect(newClusterId(() => draws.shift() ?? Buffer.alloc(16))).toBe('AQEBAQEBAQEBAQEBAQEBAQ')
  expect(newClusterId()).toMatch(/^[\w][\w-]{21}$/)
})
