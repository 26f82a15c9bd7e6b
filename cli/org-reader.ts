// `syncline org reader`: a login role of PostgreSQL that reads the canonical rows of one organisation, and nothing else.
import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Command } from 'commander'
import { SynclineError } from '../platform/errors.ts'
import { createReader, type Reader, readersOf, removeReader, setReaderPassword } from '../sinks/postgres/readers.ts'
import { parseOrgId, requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { moment } from './words.ts'

const TEXT = `
The first call creates the role and prints its password, once; later ones say that it is there. Row-level security binds the role to its
organisation, whatever it sets or asks for. It stays, with the rows, when the organisation is removed, and goes when it is forgotten.

Examples:
  $ syncline org reader acme
  $ openssl rand -base64 24 | syncline org reader acme --password-stdin
  $ syncline org reader acme --new-password --json
  $ syncline org reader acme --role acme_reports
  $ syncline org reader acme --remove`

interface ReaderOptions {
  readonly role?: string
  readonly passwordStdin?: boolean
  readonly newPassword?: boolean
  readonly remove?: boolean
  readonly json?: boolean
}

export const orgReaderCommand = (): Command =>
  new Command('reader')
    .description('a database login that reads the rows of one organisation alone')
    .argument('<id>', 'the organisation')
    .option('--role <name>', 'name of the role; default: syncline_<organisation>')
    .option('--password-stdin', 'read the password from standard input; without it, one is made and printed')
    .option('--new-password', 'give an existing role another password')
    .option('--remove', 'remove the role')
    .option('--json', 'print one JSON line')
    .addHelpText('after', TEXT)
    .action((id: string, options: ReaderOptions) => withLedger((runtime) => reader(runtime, parseOrgId(id), options)))

/** PostgreSQL cuts longer names short. */
const ROLE = /^[a-z_][a-z0-9_-]{0,62}$/

const roleOf = (orgId: string, { role = `syncline_${orgId}` }: ReaderOptions): string => {
  if (ROLE.test(role) && !role.startsWith('pg_') && role !== 'syncline_reader') return role
  throw new SynclineError('usage', `'${role}' cannot be the name of a reader's role.`, {
    remedy: 'Give one of 1 to 63 lower-case letters, digits, dashes and underscores with --role.',
  })
}

const LEAST_PASSWORD = 12

const readPassword = async (): Promise<string> => {
  const password = (await text(process.stdin)).trim()
  if (password.length >= LEAST_PASSWORD && /^[\x21-\x7e]+$/.test(password)) return password
  throw new SynclineError('usage', `The password must have at least ${LEAST_PASSWORD} characters, ASCII and no spaces.`, {
    remedy: 'Make one with: openssl rand -base64 24',
  })
}

const reader = async (runtime: Runtime, orgId: string, options: ReaderOptions): Promise<void> => {
  const role = roleOf(orgId, options)
  const found = (await readersOf(runtime.pool, orgId)).find((reader) => reader.role === role)
  if (options.remove) return remove(runtime, orgId, role, found, options)
  if (found === undefined) await requireOrg(runtime, orgId)
  else if (!options.newPassword) return tellExisting(found, options)
  const given = options.passwordStdin ? await readPassword() : undefined
  const password = given ?? randomBytes(24).toString('base64url')
  if (found === undefined) await createReader(runtime.pool, orgId, role, password)
  else await setReaderPassword(runtime.pool, found, password)
  const outcome = found === undefined ? 'created' : 'password-changed'
  if (options.json) printJson({ type: 'reader', org: orgId, role, outcome, ...(given === undefined ? { password } : {}) })
  say(`The role ${role} reads the rows of ${orgId} in schema canonical, and nothing else.`)
  if (given === undefined && !options.json) say(`Its password, which is kept nowhere else: ${password}`)
}

const tellExisting = ({ role, orgId, createdAt }: Reader, { json, passwordStdin }: ReaderOptions): void => {
  if (passwordStdin) {
    throw new SynclineError('usage', `The role ${role} is there since ${moment(createdAt)}.`, {
      remedy: `To give it another password: syncline org reader ${orgId} --new-password --password-stdin`,
    })
  }
  if (json) printJson({ type: 'reader', org: orgId, role, outcome: 'exists', createdAt: createdAt.toISOString() })
  say(`The role ${role} is there since ${moment(createdAt)}. Another password: syncline org reader ${orgId} --new-password`)
}

const remove = async (
  { pool }: Runtime,
  orgId: string,
  role: string,
  found: Reader | undefined,
  { json }: ReaderOptions,
): Promise<void> => {
  if (found === undefined) {
    throw new SynclineError('usage', `${orgId} has no reader '${role}'.`, {
      remedy: `Create it with: syncline org reader ${orgId}`,
    })
  }
  await removeReader(pool, found)
  if (json) printJson({ type: 'reader', org: orgId, role, outcome: 'removed' })
  say(`The role ${role} is removed.`)
}
