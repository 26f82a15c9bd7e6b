// Finds the Java that Kafka and the registry run on, and names both ways out where there is none.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { SynclineError } from '../platform/errors.ts'

const OLDEST_JAVA = 17

/** The ways out when the embedded services cannot run on this machine. */
export const WAYS_OUT =
  'Install Java 17 or newer and Maven; or start Docker, with Compose; or run the services yourself and set SYNCLINE_KAFKA_BROKERS, ' +
  'SYNCLINE_SCHEMA_REGISTRY_URL, SYNCLINE_DATABASE_URL and SYNCLINE_REDIS_URL'

/** The path or name of a `java` of at least version 17: that of JAVA_HOME, or the first on PATH. Errors: `unavailable`. */
export const findJava = async (environment: Readonly<Record<string, string | undefined>> = process.env): Promise<string> => {
  const home = environment['JAVA_HOME']
  const java = home ? join(home, 'bin', 'java') : 'java'
  const version = await javaVersion(java)
  if (version !== undefined && version >= OLDEST_JAVA) return java
  const found = version === undefined ? `\`${java}\` does not run` : `\`${java}\` is Java ${version}`
  throw new SynclineError('unavailable', `Kafka and the schema registry need Java ${OLDEST_JAVA} or newer, and ${found}`, {
    remedy: WAYS_OUT,
    details: { missing: 'java' },
  })
}

const javaVersion = async (java: string): Promise<number | undefined> => {
  try {
    // Java tells its version on standard error.
    const { stderr } = await promisify(execFile)(java, ['-version'])
    return majorVersion(stderr)
  } catch {
    return undefined
  }
}

/** The major version in the output of `java -version`; `1.8.0_292` is 8. */
export const majorVersion = (output: string): number | undefined => {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(output) ?? []
  const major = first === '1' ? second : first
  return major === undefined ? undefined : Number.parseInt(major, 10)
}
