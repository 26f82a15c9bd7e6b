// Kafka's own command line tools, for tests: where Java and Maven are, they are fetched beside the broker's jars.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { cacheRoot } from '../../local/cache.ts'
import { ensureKafka } from '../../local/downloads.ts'
import { findJava } from '../../local/java.ts'
import { runMaven } from '../../local/maven.ts'

/** `kafka-consumer-groups.sh`. */
export const GROUP_TOOL = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'

export interface KafkaTools {
  readonly java: string
  readonly classPath: string
  remove(): void
}

/** They are not among the jars of the broker. Errors: `unavailable` (no Java, no Maven, no download). */
export const fetchKafkaTools = async (): Promise<KafkaTools> => {
  const java = await findJava()
  const jars = mkdtempSync(join(tmpdir(), 'syncline-kafka-tools-'))
  const remove = () => rmSync(jars, { recursive: true, force: true })
  try {
    const attempt = { onProgress: () => undefined, signal: new AbortController().signal }
    const libs = await ensureKafka(cacheRoot(process.env), attempt)
    const [, version] = readdirSync(libs).flatMap((name) => /^kafka-server-(\d.*)\.jar$/.exec(name) ?? [])
    const options = { artifact: `org.apache.kafka:kafka-tools:${version}:jar`, outputDirectory: jars }
    await runMaven({ goal: 'copy', options, dir: jars, attempt })
    return { java, classPath: [jars, libs].map((folder) => join(folder, '*')).join(delimiter), remove }
  } catch (error) {
    remove()
    throw error
  }
}
