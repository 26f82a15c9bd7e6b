// `syncline keys`: the key under which the secrets of all organisations are encrypted.
import { Command } from 'commander'
import { rotateOrganisation, toRotate } from '../ledger/key-rotation.ts'
import { armFailpoints, failpoint } from '../platform/failpoints.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { count } from './words.ts'

const EXAMPLES = `
Examples:
  $ openssl rand -base64 32 > new.key
  $ SYNCLINE_ENCRYPTION_KEY="$(cat new.key)" SYNCLINE_ENCRYPTION_KEY_OLD="$(cat old.key)" syncline keys rotate

Workers go on meanwhile. Before, start each of them with both keys, as above; after, with the new one alone. Killed half-way, it leaves
everything readable with both keys, and goes on when it is called again.`

interface RotateOptions {
  readonly all?: boolean
  readonly json?: boolean
}

export const keysCommand = (): Command =>
  new Command('keys').addHelpText('after', EXAMPLES).addCommand(
    new Command('rotate')
      .description('encrypt all secrets anew, under SYNCLINE_ENCRYPTION_KEY and new keys of the organisations')
      .option('--all', 'those too that are under this key already')
      .option('--json', 'one JSON object a line on stdout')
      .addHelpText('after', EXAMPLES)
      .action((options: RotateOptions) => withLedger((runtime) => rotate(runtime, options))),
  )

const rotate = async ({ pool, encryptionKey }: Runtime, { all = false, json }: RotateOptions): Promise<void> => {
  armFailpoints(process.env)
  const ring = encryptionKey()
  const organisations = await toRotate(pool, ring, all)
  let secrets = 0
  for (const orgId of organisations) {
    const rotated = await rotateOrganisation(pool, ring, orgId)
    secrets += rotated
    if (json) printJson({ type: 'key-rotated', org: orgId, secrets: rotated, key: ring.current.id })
    await failpoint('keys.after-organisation')
  }
  // Who was connected meanwhile by a process that has the old key as its current one.
  const left = await toRotate(pool, ring, false)
  if (json)
    printJson({ type: 'keys-rotated', organisations: organisations.length, secrets, left: left.length, key: ring.current.id })
  say(`${count(secrets, 'secret')} of ${count(organisations.length, 'organisation')} encrypted under the key ${ring.current.id}.`)
  if (left.length === 0) say('Nothing is under another key: SYNCLINE_ENCRYPTION_KEY_OLD is not needed any more.')
  else
    say(
      `${count(left.length, 'organisation')} came in under the old key meanwhile; call it again once no process has that as its key.`,
    )
}
