// An installation for one test file, on the services of the test run.
import { createInstallation, type Installation } from '../harness/installation.ts'
import { stackAddresses } from './support.ts'

export type { CliResult, Installation, RunningCommand, WorkerProcess } from '../harness/installation.ts'
export { until } from '../harness/until.ts'

export const newInstallation = (): Promise<Installation> => createInstallation(stackAddresses())
