// One Kafka node in KRaft mode, broker and controller in one process, sized for one machine. Its cluster id is made at the first
// start and kept; its ports may differ from start to start.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts } from '../ports.ts'
import { launch, type Service } from '../service.ts'
import { probeKafka } from './kafka-probe.ts'

export interface KafkaOptions {
  readonly java: string
  /** Folder with the jars of the broker. */
  readonly libs: string
  /** The port that clients are told, where they are to come another way than straight. */
  readonly advertisedPort?: number
}

const JVM = [
  '-Xms128m',
  '-Xmx512m',
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-XX:-UsePerfData',
  '-XX:+ExitOnOutOfMemoryError',
]
const LOGGING = fileURLToPath(new URL('./kafka-log4j2.xml', import.meta.url))

export const kafka = (options: KafkaOptions): Service => ({
  name: 'kafka',
  start: async (context) => {
    const config = join(context.dir, 'server.properties')
    const dataDir = join(context.dir, 'data')
    const [controllerPort] = await freePorts(1)
    const ports = { client: context.port, controller: controllerPort ?? 0, told: options.advertisedPort ?? context.port }
    if (!existsSync(dataDir)) await format(options, context.dir, dataDir, ports)
    writeFileSync(config, serverProperties(dataDir, ports))
    const javaArgs = [...JVM, `-Dlog4j2.configurationFile=${LOGGING}`, ...classPath(options)]
    return launch('kafka', context, {
      command: { command: options.java, args: [...javaArgs, 'kafka.Kafka', config], cwd: context.dir },
      address: `127.0.0.1:${context.port}`,
      probe: () => probeKafka(context.port),
    })
  },
})

const classPath = (options: KafkaOptions): string[] => ['-cp', join(options.libs, '*')]

interface Ports {
  readonly client: number
  readonly controller: number
  readonly told: number
}

/** 16 random bytes as Kafka writes them: never with a hyphen in front, which its tool takes for an option. */
export const newClusterId = (bytes: () => Buffer = () => randomBytes(16)): string => {
  for (;;) {
    const id = bytes().toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

/** Writes the cluster id. In a folder aside, renamed when done: a formatting cut short is not taken for a formatted one. */
const format = async (options: KafkaOptions, dir: string, dataDir: string, ports: Ports): Promise<void> => {
  const draft = join(dir, 'data.formatting')
  rmSync(draft, { recursive: true, force: true })
  const config = join(dir, 'format.properties')
  writeFileSync(config, serverProperties(draft, ports))
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', `-Dlog4j2.configurationFile=${LOGGING}`, ...classPath(options)]
  await promisify(execFile)(options.java, [...jvm, 'kafka.tools.StorageTool', 'format', '-t', newClusterId(), '-c', config])
  renameSync(draft, dataDir)
  rmSync(config)
}

// The quorum is the static kind: its only voter is read from here at each start, so that the port may change.
const serverProperties = (dataDir: string, ports: Ports): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${ports.client},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${ports.told}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': dataDir,
    ...BROKER_SETTINGS,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')

const BROKER_SETTINGS = {
  'auto.create.topics.enable': false,
  // Pages of up to 8 MB, and room for keys and headers.
  'message.max.bytes': 10 * 1024 * 1024,
  'default.replication.factor': 1,
  'min.insync.replicas': 1,
  'offsets.topic.replication.factor': 1,
  'offsets.topic.num.partitions': 4,
  'transaction.state.log.replication.factor': 1,
  'transaction.state.log.min.isr': 1,
  'transaction.state.log.num.partitions': 4,
  'share.coordinator.state.topic.replication.factor': 1,
  'share.coordinator.state.topic.min.isr': 1,
  'share.coordinator.state.topic.num.partitions': 4,
  // A group of one machine is complete when it forms; and a member that was killed should be missed soon.
  'group.initial.rebalance.delay.ms': 0,
  'group.min.session.timeout.ms': 1000,
  // The default of 128 MB is a quarter of this heap.
  'log.cleaner.dedupe.buffer.size': 32 * 1024 * 1024,
}
