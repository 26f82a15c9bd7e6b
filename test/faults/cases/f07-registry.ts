// F7: the schema registry is away, slow, or answers with errors, when processors register schemas and sinks ask for them.

import { pause } from '../../../platform/lifecycle.ts'
import type { TcpProxy } from '../../harness/proxy.ts'
import type { FaultCase } from '../case.ts'

const FAULT_MS = 8_000

const httpAnswer = (status: string): string =>
  `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`

const caseOf = (name: string, spoil: (registry: TcpProxy) => void): FaultCase => ({
  id: `F7/${name}`,
  ci: { records: 2_000, faults: 1 },
  long: { records: 20_000, faults: 4 },
  links: { proxied: ['schemaRegistry'] },
  strike: async (scene) => {
    const { crew, proxies } = scene.lab
    for (let n = 0; n < scene.size.faults; n++) {
      await scene.untilLanded((0.6 * n) / scene.size.faults)
      if (proxies.schemaRegistry) spoil(proxies.schemaRegistry)
      // What they know of schemas they know no more.
      await Promise.all([...crew.of('process'), ...crew.of('sink')].map((member) => crew.kill(member)))
      scene.struck(name)
      await pause(FAULT_MS)
      proxies.schemaRegistry?.mend()
      scene.healed()
    }
  },
})

export const registryCases: readonly FaultCase[] = [
  caseOf('down', (registry) => registry.cut()),
  caseOf('slow', (registry) => registry.delay(900, 1_100)),
  caseOf('500', (registry) => registry.answer(httpAnswer('500 Internal Server Error'))),
  caseOf('404', (registry) => registry.answer(httpAnswer('404 Not Found'))),
]
