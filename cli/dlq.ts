// `syncline dlq`: what died on its way, why, and what is done about it. One file per subcommand.
import { Command } from 'commander'
import { dropCommand } from './dlq-drop.ts'
import { listCommand } from './dlq-list.ts'
import { replayCommand } from './dlq-replay.ts'
import { showLetterCommand } from './dlq-show.ts'

const TEXT = `
A record that cannot be mapped or written dies alone: its original bytes go to the topic sync.dead-letters, where they are kept for
30 days, and the register in the ledger says why. An id such as 0/17 is a letter's partition and offset there.

Examples:
  $ syncline dlq list --org acme
  $ syncline dlq show 0/17
  $ syncline dlq replay --org acme --code mapping --yes
  $ syncline dlq drop 0/17 --reason 'test data of the vendor' --yes`

export const dlqCommand = (): Command =>
  new Command('dlq')
    .addHelpText('after', TEXT)
    .addCommand(listCommand())
    .addCommand(showLetterCommand())
    .addCommand(replayCommand())
    .addCommand(dropCommand())
