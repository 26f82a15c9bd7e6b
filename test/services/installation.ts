// An installation for one test file, on the services of the test run.
import { createInstallation, type Environment, type Installation } from '../harness/installation.ts'
import { stackAddresses } from './support.ts'

export type { CliResult, Installation, WorkerProcess } from '../harness/installation.ts'
export { until } from '../harness/until.ts'

/** `env`: more settings of its processes. */
export const newInstallation = (env: Environment = {}): Promise<Installation> => createInstallation(stackAddresses(), env)
