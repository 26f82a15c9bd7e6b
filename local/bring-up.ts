// The stack by whichever way this machine has: as local processes where there is Java, else as containers where Docker answers.
import { isSynclineError } from '../platform/errors.ts'
import { addressesFromEnvironment, withGiven } from './addresses.ts'
import { containersEnded, findContainers, startContainers, stopContainers } from './containers.ts'
import { dockerAnswers } from './docker.ts'
import { stackHome } from './home.ts'
import { type Stack, type StartOptions, startStack } from './stack.ts'

/** As `startStack`; without Java, Maven and Docker its error, which names all ways out. */
export const bringUp = async (options: StartOptions): Promise<Stack> => {
  const { environment = process.env } = options
  if (findContainers(options.home ?? stackHome(environment)) !== undefined) return inContainers(options, 'found')
  try {
    return await startStack(options)
  } catch (error) {
    const lacksProgram = isSynclineError(error, 'unavailable') && 'missing' in error.details
    if (!lacksProgram || !(await dockerAnswers(environment))) throw error
    options.onProgress?.(`${error.message}: the services come up in containers, by Docker Compose`)
    return inContainers(options, 'started')
  }
}

const NEVER = new Promise<never>(() => undefined)

const inContainers = async (options: StartOptions, origin: 'found' | 'started'): Promise<Stack> => {
  const { environment = process.env, detach, onProgress = () => undefined, signal = new AbortController().signal } = options
  const home = options.home ?? stackHome(environment)
  const given = addressesFromEnvironment(environment)
  const addresses = await startContainers(home, given, environment, { onProgress, signal })
  const ours = origin === 'started'
  return {
    addresses: withGiven(addresses, given),
    origin,
    ended: ours && !detach ? containersEnded(home, environment).then(() => undefined) : NEVER,
    stop: async () => void (ours && (await stopContainers(home, environment))),
  }
}
