import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { toleratesClosedPipe } from '../../../cli/terminal.ts'

test('a reader of stdout that has seen enough ends nothing; any other error is one', () => {
  const stream = new EventEmitter()
  const failure = (code: string) => Object.assign(new Error(code), { code })
  expect(() => stream.emit('error', failure('EPIPE'))).toThrow('EPIPE')
  toleratesClosedPipe(stream)
  expect(stream.emit('error', failure('EPIPE'))).toBe(true)
  expect(() => stream.emit('error', failure('EIO'))).toThrow('EIO')
})
