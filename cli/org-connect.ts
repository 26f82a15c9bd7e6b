// `syncline org connect`: an organisation is connected by OAuth. Prints where to consent, receives the callback, stores the tokens. Until
// the vendor has given them nothing is changed.
import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import type { Adapter } from '../adapters/core/adapter.ts'
import { consentUrl, type OAuthApp } from '../adapters/core/oauth.ts'
import { adapterByName } from '../adapters/index.ts'
import { beginAuthorisation } from '../ledger/authorisations.ts'
import { readApp } from '../ledger/authorised.ts'
import { type Connection, listConnections } from '../ledger/organisations.ts'
import { SynclineError } from '../platform/errors.ts'
import { type AuthorisationEnd, createAuthorisation } from './authorise.ts'
import { listenForCallback } from './callback.ts'
import { chooseConnection, parseBaseUrl, parseOrgId, parseSource } from './connection-choice.ts'
import { addDefaultSchedules } from './default-schedules.ts'
import { type AppOptions, readOAuthApp } from './oauth-app.ts'
import { checkRate, sayScheduled } from './org-add.ts'
import { publicOf } from './org-list.ts'
import { type Runtime, withRuntime } from './runtime.ts'
import { subscribeByDefault } from './subscribe.ts'
import { EXIT, onInterrupt, print, printJson, say } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ SYNCLINE_OAUTH_CLIENT_SECRET=… syncline org connect acme --client-id "$CLIENT_ID"
  $ echo "$CLIENT_SECRET" | syncline org connect acme --client-id "$CLIENT_ID" --client-secret-stdin
  $ syncline org connect acme                          # again, through the same app
  $ syncline org connect acme --redirect-uri https://sync.example.org/callback --listen 0.0.0.0:4020

The address that the vendor sends the browser back to must be registered with the app: http://127.0.0.1:4020/callback,
or that of --redirect-uri, which must lead to the address of --listen.

Exit codes: 0 connected, 1 failed, 2 usage, 4 the vendor or its administrator said no, 130 interrupted.`

interface ConnectOptions extends AppOptions {
  readonly adapter?: string
  readonly source?: string
  readonly baseUrl?: string
  readonly rate?: string
  readonly scope?: string
  readonly listen: string
  readonly redirectUri?: string
  readonly schedules: boolean
  readonly json?: boolean
}

export const connectCommand = (): Command =>
  new Command('connect')
    .description('connect an organisation by OAuth, or authorise it again')
    .argument('<id>', 'lower-case letters, digits and dashes')
    .option('--adapter <name>', 'the API it is connected to (default: that of the connection, else pco)')
    .option('--source <name>', 'name of the connected account; default: the adapter')
    .option('--base-url <url>', 'another address of the API, e.g. a simulator')
    .option('--rate <requests/seconds>', "a limit other than the API's usual one, e.g. 200/20; none: no limit")
    .option('--client-id <id>', 'of your app at the vendor; or SYNCLINE_OAUTH_CLIENT_ID')
    .option('--client-secret-stdin', 'read its secret from standard input')
    .option('--client-secret <secret>', 'the secret itself; better use --client-secret-stdin or SYNCLINE_OAUTH_CLIENT_SECRET')
    .option('--scope <scopes>', 'what to ask for, separated by blanks; default: what a sync needs')
    .option('--listen <host:port>', 'where the callback is received', '127.0.0.1:4020')
    .option('--redirect-uri <url>', 'where the vendor sends the browser (default: http://, the address of --listen, /callback)')
    .option('--no-schedules', 'let nothing run by itself, if it is new')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((id: string, options: ConnectOptions) => withRuntime((runtime) => connect(runtime, parseOrgId(id), options)))

const parseListen = (text: string): { host: string; port: number } => {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) }
  throw new SynclineError('usage', `'${text}' is not an address to listen on.`, {
    remedy: 'Give it as host:port, e.g. 127.0.0.1:4020.',
  })
}

const CALLBACK_PATH = '/callback'
/** Bytes of chance in a state and a verifier: 43 characters. */
const SECRET_BYTES = 32

interface Plan {
  readonly connection: Connection
  readonly adapter: Adapter
  readonly app: OAuthApp
  /** Of the window that the connection has in the limiter. */
  readonly limitKey: string | undefined
}

/** Undefined: there is none yet. Throws SynclineError('usage') when there are several: another account's tokens are not for this one. */
const onlySourceOf = (own: readonly Connection[], org: string): string | undefined =>
  own.length === 0 ? undefined : chooseConnection(own, { org }).source

/** What is not said stays as the connection has it. */
const planOf = async (runtime: Runtime, orgId: string, options: ConnectOptions): Promise<Plan> => {
  const own = (await listConnections(runtime.pool)).filter((connection) => connection.orgId === orgId)
  const source = parseSource(options.source ?? options.adapter ?? onlySourceOf(own, orgId) ?? 'pco')
  const before = own.find((connection) => connection.source === source)
  const adapter = adapterByName(options.adapter ?? before?.adapter ?? 'pco')
  const stored = await readApp(runtime.pool, runtime.encryptionKey(), { orgId, source })
  const connection = {
    orgId,
    source,
    adapter: adapter.name,
    baseUrl: parseBaseUrl(options.baseUrl) ?? before?.baseUrl ?? null,
    settings: before?.settings ?? {},
    rateLimit: checkRate(options.rate) ?? before?.rateLimit ?? null,
  }
  return { connection, adapter, app: await readOAuthApp(options, stored), limitKey: stored?.limitKey }
}

const connect = async (runtime: Runtime, orgId: string, options: ConnectOptions): Promise<void> => {
  await runtime.migrate()
  const plan = await planOf(runtime, orgId, options)
  const { connection, adapter, app } = plan
  const { oauth } = adapter
  if (oauth === undefined) {
    throw new SynclineError('usage', `${adapter.name} has no OAuth.`, { remedy: `Use: syncline org add ${orgId} --pat-stdin` })
  }
  const baseUrl = connection.baseUrl ?? adapter.baseUrl
  const [state, verifier] = [randomBytes(SECRET_BYTES).toString('base64url'), randomBytes(SECRET_BYTES).toString('base64url')]
  const given = parseBaseUrl(options.redirectUri)
  // Known once it listens, because the port may be any.
  const redirect = { uri: given ?? '' }
  const interrupt = onInterrupt()
  const authorisation = createAuthorisation(runtime, { ...plan, oauth, baseUrl, verifier, redirectUri: () => redirect.uri })
  const paths = new Set([CALLBACK_PATH, ...(given === null ? [] : [new URL(given).pathname])])
  const listener = await listenForCallback({ ...parseListen(options.listen), paths }, authorisation.judge)
  try {
    redirect.uri = given ?? `${listener.url}${CALLBACK_PATH}`
    const expiresAt = await beginAuthorisation(runtime.pool, connection, state)
    const consent = { ...app, redirectUri: redirect.uri, scope: options.scope ?? oauth.scope, state, verifier }
    const url = consentUrl(oauth, baseUrl, consent)
    if (options.json)
      printJson({ type: 'authorise', org: orgId, source: connection.source, url, expiresAt: expiresAt.toISOString() })
    else print(url)
    say(
      `Open this address as an administrator of ${orgId} and consent, within ten minutes. Waiting for the browser to come back to ${redirect.uri} …`,
    )
    await tell(runtime, options, connection, await authorisation.ended(interrupt))
  } finally {
    await listener.close()
  }
}

const tell = async (
  runtime: Runtime,
  { json, schedules: isScheduled }: ConnectOptions,
  connection: Connection,
  end: AuthorisationEnd | undefined,
): Promise<void> => {
  if (end === undefined) {
    process.exitCode = EXIT.interrupted
    say('Interrupted; nothing was changed.')
    return
  }
  const { outcome, resumed, scope } = end
  const schedules =
    outcome === 'added' && isScheduled ? await addDefaultSchedules(runtime.pool, connection, connection.adapter) : []
  const webhooks = schedules.length > 0 ? await subscribeByDefault(runtime, connection) : null
  if (json) printJson({ type: 'org', ...publicOf(connection), kind: 'oauth', outcome, scope, resumed, schedules, webhooks })
  const { orgId, source } = connection
  say(`${orgId}/${source} is connected. Sync it with: syncline sync --org ${orgId} --source ${source}`)
  sayScheduled(connection.orgId, schedules)
  if (resumed.length > 0) say(`Runs that were paused for it go on: ${resumed.join(', ')}`)
}
