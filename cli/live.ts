// The health check of a container: asks the worker beside it whether a restart would help. Exit code 0: it would not.
import { loadConfig } from './runtime.ts'

const config = await loadConfig()
const answer = await fetch(`http://127.0.0.1:${config.metricsPort ?? '0'}/live`, { signal: AbortSignal.timeout(4_000) }).catch(
  () => undefined,
)
process.exit(answer?.status === 200 ? 0 : 1)
