// Each deliberate break of the code still finds what it breaks: once, so that it is that which is broken.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { BREAKS } from '../faults/breaks.ts'

test.each(BREAKS.map(({ mistake, file, from }) => [mistake, file, from] as const))('%s', (_, file, from) => {
  expect(readFileSync(file, 'utf8').split(from)).toHaveLength(2)
})
