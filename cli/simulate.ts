// `syncline simulate`: runs a simulated vendor until it is interrupted. stdout says where it is and with what credential.
import { Argument, Command, InvalidArgumentError } from 'commander'
import { SynclineError } from '../platform/errors.ts'
import { type Rate, readRate } from '../simulator/rate.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'

interface SimulateFlags {
  readonly people?: number
  readonly port: number
  readonly rate?: Rate
  readonly latency: number
  readonly tokenLife: number
  readonly seed: number
  readonly from?: readonly string[]
  readonly json?: boolean
}

const whole =
  (max: number) =>
  (text: string): number => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value <= max) return value
    throw new InvalidArgumentError(`It is a whole number from 0 to ${max}.`)
  }

const rateOf = (text: string): Rate => {
  const rate = readRate(text)
  if (rate === undefined) throw new InvalidArgumentError('It is requests/seconds, such as 100/20.')
  return rate
}

const describe = ({ url, personalToken, controlToken, app }: Simulator, json: boolean): string => {
  const { clientId, clientSecret } = app
  if (json)
    return JSON.stringify({ type: 'simulator', url, personalToken, controlToken, clientId, clientSecret, pid: process.pid })
  return `url         ${url}\ncredential  ${personalToken}\noauth app   ${clientId}, secret ${clientSecret}`
}

const interrupted = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })

const simulate = async (flags: SimulateFlags): Promise<void> => {
  if ((flags.people === undefined) === (flags.from === undefined)) {
    throw new SynclineError('usage', 'A simulator needs either --people or --from', {
      remedy: 'syncline simulate pco --people 5000',
    })
  }
  const { people, from, rate, port, seed, latency: latencyMs } = flags
  const simulator = await startSimulator({
    port,
    seed,
    latencyMs,
    oauth: { accessTokenSeconds: flags.tokenLife },
    ...(people === undefined ? {} : { people }),
    ...(from === undefined ? {} : { from }),
    ...(rate === undefined ? {} : { rate }),
  })
  process.stdout.write(`${describe(simulator, flags.json === true)}\n`)
  if (flags.json !== true) process.stderr.write('Serving until Ctrl-C.\n')
  await interrupted()
  await simulator.close()
}

export const simulateCommand = (): Command =>
  new Command('simulate')
    .addArgument(new Argument('<api>', 'the API to simulate').choices(['pco']))
    .option('--people <n>', 'an organisation of so many generated people', whole(2_000_000))
    .option('--from <files...>', 'serve the resources of recorded exchanges instead')
    .option('--port <port>', 'port to listen on; 0 is any free one', whole(65_535), 0)
    .option('--rate <requests/seconds>', 'limit per credential, such as 100/20 (default: none)', rateOf)
    .option('--latency <ms>', 'answer so late', whole(600_000), 0)
    .option('--token-life <seconds>', 'life of an access token that OAuth gives', whole(31_536_000), 7_200)
    .option('--seed <seed>', 'another organisation of the same size', whole(2 ** 31 - 1), 1)
    .option('--json', 'say where it is as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ syncline simulate pco --people 5000
  $ syncline simulate pco --people 200000 --rate 100/20 --latency 80
  $ syncline simulate pco --from test/data/pco/*.json`,
    )
    .action((_api: string, flags: SimulateFlags) => simulate(flags))
