// The programs that are downloaded once per user: Kafka, the schema registry, and Redis where the machine has none.
import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SynclineError } from '../platform/errors.ts'
import type { Attempt } from './attempt.ts'
import { type Cached, ensureCached } from './cache.ts'
import { runMaven } from './maven.ts'

/** As in kafka-pom.xml. */
const KAFKA = '4.1.0'
// 3.1 and later want Java 21.
const APICURIO = '3.0.9'
const REDIS_JAR = '1.4.3'
/** The servers in that jar, by platform. */
const REDIS_SERVERS: Readonly<Record<string, string>> = {
  'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
  'linux-arm64': 'redis-server-6.2.7-linux-arm64',
  'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
  'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
}

/** Resolves with the folder of the jars of the Kafka broker. */
export const ensureKafka = (root: string, attempt: Attempt): Promise<string> => {
  const pom = fileURLToPath(new URL('./kafka-pom.xml', import.meta.url))
  return ensureCached(root, {
    // With the digest of the list of jars, so that another list is another folder.
    key: `kafka-${KAFKA}-${createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 8)}`,
    expect: [`kafka_2.13-${KAFKA}.jar`, `kafka-clients-${KAFKA}.jar`],
    fill: async (dir) => {
      attempt.onProgress(`downloading Kafka ${KAFKA} (43 MB, once)`)
      await runMaven({ goal: 'copy-dependencies', pom, options: { outputDirectory: dir }, dir, attempt })
    },
  })
}

/** Resolves with the path of the runnable jar of the schema registry. */
export const ensureRegistry = async (root: string, attempt: Attempt): Promise<string> => {
  const jar = `apicurio-registry-app-${APICURIO}-runner.jar`
  const archive = `apicurio-registry-app-${APICURIO}-all.tar.gz`
  const cached: Cached = {
    key: `apicurio-${APICURIO}`,
    expect: [jar],
    fill: async (dir) => {
      attempt.onProgress(`downloading the schema registry, Apicurio ${APICURIO} (109 MB, once)`)
      const options = { artifact: `io.apicurio:apicurio-registry-app:${APICURIO}:tar.gz:all`, outputDirectory: dir }
      await runMaven({ goal: 'copy', options, dir, attempt })
      await promisify(execFile)('tar', ['-xzf', archive], { cwd: dir })
      rmSync(join(dir, archive))
    },
  }
  return join(await ensureCached(root, cached), jar)
}

/** Resolves with a redis-server: the one on PATH if there is one. */
export const ensureRedis = async (root: string, attempt: Attempt): Promise<string> => {
  if (spawnSync('redis-server', ['--version']).status === 0) return 'redis-server'
  const server = REDIS_SERVERS[`${process.platform}-${process.arch}`]
  if (server === undefined) throw noRedis()
  const cached: Cached = {
    key: `redis-${REDIS_JAR}`,
    expect: [server],
    fill: async (dir) => {
      attempt.onProgress('downloading Redis (13 MB, once)')
      const artifact = `com.github.codemonstur:embedded-redis:${REDIS_JAR}:jar`
      // Where the plugin leaves its notes of what it has unpacked.
      const notes = join(dir, 'notes')
      mkdirSync(notes)
      await runMaven({
        goal: 'unpack',
        options: { artifact, outputDirectory: dir, 'mdep.unpack.includes': server },
        dir: notes,
        attempt,
      })
      rmSync(notes, { recursive: true, force: true })
      chmodSync(join(dir, server), 0o755)
    },
  }
  return join(await ensureCached(root, cached), server)
}

const noRedis = (): SynclineError =>
  new SynclineError(
    'unavailable',
    `There is no redis-server on PATH, and none to download for ${process.platform}-${process.arch}`,
    {
      remedy: 'Install Redis, or set SYNCLINE_REDIS_URL',
    },
  )
