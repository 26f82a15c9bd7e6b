// `syncline webhooks`: where an API delivers what changed. One file per subcommand.
import { Command } from 'commander'
import { ensureWebhooksCommand } from './webhooks-ensure.ts'
import { listWebhooksCommand } from './webhooks-list.ts'

const TEXT = `
An API that has webhooks tells of each change at once. The deliveries are taken by \`syncline worker webhooks\`, which must be reachable from
the API under an https address; docs/operations.md says how to expose it, and what each answer means.

Examples:
  $ syncline webhooks ensure --org acme --url https://hooks.example.org
  $ syncline webhooks list --org acme`

export const webhooksCommand = (): Command =>
  new Command('webhooks').addHelpText('after', TEXT).addCommand(ensureWebhooksCommand()).addCommand(listWebhooksCommand())
