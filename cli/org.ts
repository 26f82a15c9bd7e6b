// `syncline org`: which organisations are synced, and with which credential.
import { Command } from 'commander'
import { addCommand } from './org-add.ts'
import { connectCommand } from './org-connect.ts'
import { orgFieldsCommand } from './org-fields.ts'
import { forgetCommand } from './org-forget.ts'
import { listCommand } from './org-list.ts'
import { orgReaderCommand } from './org-reader.ts'
import { removeCommand } from './org-remove.ts'

const EXAMPLES = `
Examples:
  $ echo "$APP_ID:$SECRET" | syncline org add acme --pat-stdin
  $ syncline org connect acme --client-id "$CLIENT_ID"
  $ syncline org list --json
  $ syncline org fields acme --entity person --drop medical_notes
  $ syncline org remove acme --yes
  $ syncline org forget acme --yes`

export const orgCommand = (): Command =>
  new Command('org')
    .addHelpText('after', EXAMPLES)
    .addCommand(addCommand())
    .addCommand(connectCommand())
    .addCommand(listCommand())
    .addCommand(removeCommand())
    .addCommand(forgetCommand())
    .addCommand(orgReaderCommand())
    .addCommand(orgFieldsCommand())
