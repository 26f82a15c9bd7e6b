// `syncline webhooks ensure`: one subscription per event that the manifest knows; creates, switches on, moves and removes. Can be said again.
import { Command } from 'commander'
import { SynclineError } from '../platform/errors.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { DONE, subscribe } from './subscribe.ts'
import { printJson, say } from './terminal.ts'

const TEXT = `
Say it again whenever something is in doubt: after the address has changed, after the API has switched subscriptions off, after a secret
has become known (--rotate). The secret before is accepted for 24 hours, so that deliveries under way are not refused.

Examples:
  $ syncline webhooks ensure --org acme --url https://hooks.example.org
  $ SYNCLINE_WEBHOOKS_URL=https://hooks.example.org syncline webhooks ensure --org acme --rotate`

interface EnsureOptions {
  readonly org: string
  readonly source?: string
  readonly url?: string
  readonly rotate?: boolean
  readonly json?: boolean
}

export const ensureWebhooksCommand = (): Command =>
  new Command('ensure')
    .description('create, verify and repair the subscriptions of a connection')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'its connected account, if it has several')
    .option(
      '--url <base>',
      'where `syncline worker webhooks` is reached from outside, as https://host or https://host/prefix; or SYNCLINE_WEBHOOKS_URL',
    )
    .option('--rotate', 'have the API make new secrets')
    .option('--json', 'one JSON line for each subscription')
    .addHelpText('after', TEXT)
    .action((options: EnsureOptions) => withLedger((runtime) => ensure(runtime, options)))

const ensure = async (runtime: Runtime, options: EnsureOptions): Promise<void> => {
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const { orgId, source } = connection
  const url = options.url ?? runtime.config.webhooksUrl
  if (url === undefined) {
    throw new SynclineError('usage', 'It is not said where deliveries are to go.', {
      remedy: 'Give --url, or set SYNCLINE_WEBHOOKS_URL: where `syncline worker webhooks` is reached from outside.',
    })
  }
  const { base, steps } = await subscribe(runtime, connection, {
    url,
    rotate: options.rotate === true,
    onStep: (event, done) => {
      if (options.json) printJson({ type: 'webhook-subscription', org: orgId, source, event, done })
    },
  })
  say(`Subscriptions of ${orgId}: ${[...steps].map(([step, n]) => `${n} ${DONE[step]}`).join(', ')}.`)
  say(`Deliveries go to ${base}/webhooks/${orgId}/${source}/…; take them with: syncline worker webhooks`)
}
