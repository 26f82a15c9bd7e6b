// The page docs/configuration.md from SETTINGS: pure text, written by generate.ts and held by a test.
import { SETTINGS, type Setting } from './config.ts'

/** What the environment says besides settings: none of these belongs into a file. */
const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  SYNCLINE_HOME: 'folder of the local stack: its data, state and keys; default `.syncline` in the working directory',
  SYNCLINE_PAT: 'credential for `syncline org add`, as id:secret',
  SYNCLINE_OAUTH_CLIENT_ID: 'client id for `syncline org connect`',
  SYNCLINE_OAUTH_CLIENT_SECRET: 'client secret for `syncline org connect`',
  SYNCLINE_CACHE: 'where the services are downloaded to, once; default `syncline` in the cache folder of the user',
  SYNCLINE_FAIL: 'for tests: where a worker fails on purpose, as site:action[:nth], several separated by commas',
  SYNCLINE_FAIL_ALLOW: '1 allows the above where NODE_ENV is production',
  JAVA_HOME: 'the Java that Kafka and the schema registry run on; default: `java` on the PATH',
}

const code = (text: string): string => `\`${text}\``

const defaultOf = (setting: Setting): string => {
  if (setting.default === undefined) return ''
  return setting.default === '' ? 'empty' : code(setting.default)
}

const settingRow = ([key, setting]: [string, Setting]): string =>
  `| ${setting.secret ? 'not in the file' : code(key)} | ${setting.variables.map(code).join(', else ')} | ${setting.description} | ${defaultOf(setting)} |`

export const configPage = (): string =>
  `${[
    '<!-- Generated from platform/config.ts by `npm run generate`; a test fails when it differs. Do not edit. -->',
    '# Configuration',
    '',
    'A setting comes from the environment, else from `syncline.config.json` in the working directory, else from the local stack if one is',
    'running (`syncline up`), else from its default. The file is one JSON object with texts as values:',
    '',
    '```json',
    JSON.stringify({ kafkaBrokers: 'kafka-1:9092,kafka-2:9092', databaseUrl: 'postgres://syncline@db/syncline' }, null, 2),
    '```',
    '',
    'A key that does not exist is an error that names the nearest; a secret in the file is an error too, because files get committed.',
    'So with a local stack nothing needs to be set, and elsewhere all four addresses and the key.',
    '',
    '## Settings',
    '',
    '| key in the file | environment | what it is | default |',
    '|---|---|---|---|',
    ...Object.entries(SETTINGS).map(settingRow),
    '',
    '## Other variables',
    '',
    '| environment | what it is |',
    '|---|---|',
    ...Object.entries(OTHER_VARIABLES).map(([name, meaning]) => `| ${code(name)} | ${meaning} |`),
  ].join('\n')}\n`
