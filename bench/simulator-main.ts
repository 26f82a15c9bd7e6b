// A simulated API in this process, with the options of the first argument (JSON); stdout says where it is. bench/simulator-process.ts starts it.
import { startSimulator } from '../simulator/simulator.ts'

const { url, personalToken, controlToken } = await startSimulator(JSON.parse(process.argv[2] ?? '{}'))
process.stdout.write(`${JSON.stringify({ url, personalToken, controlToken })}\n`)
