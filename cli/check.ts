// `syncline check`: services, tables, topics and connected accounts, a line each: in order, or what to do. Changes nothing.
import { Command } from 'commander'
import { listConnections } from '../ledger/organisations.ts'
import { checkServices } from './check-services.ts'
import { checkSource } from './check-source.ts'
import { chooseSources } from './choose.ts'
import { painterFor } from './color.ts'
import { requireOrg } from './connection-choice.ts'
import type { Finding } from './finding.ts'
import { openRuntime, type Runtime } from './runtime.ts'
import { EXIT, print, printJson, say } from './terminal.ts'
import { count } from './words.ts'

const TEXT = `
Of each connected account: its address, credential, clock and limit, and for each entity whether it may be read; one request for each.

Examples:
  $ syncline check
  $ syncline check --org acme
  $ syncline check --json | jq -r 'select(.ok | not) | .remedy'`

interface CheckOptions {
  readonly org?: string
  readonly source?: string
  readonly json?: boolean
}

export const checkCommand = (): Command =>
  new Command('check')
    .option('--org <id>', 'of the accounts only those of this organisation')
    .option('--source <name>', 'only this one')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', TEXT)
    .action(check)

/** What refuses us is told apart from what is broken. */
const exitCodeOf = (wrong: readonly Finding[]): number => {
  if (wrong.length === 0) return EXIT.ok
  return wrong.every(({ code }) => code === 'auth' || code === 'permission') ? EXIT.auth : EXIT.failed
}

const show = (findings: readonly Finding[], json: boolean | undefined): void => {
  const paint = painterFor(process.stdout)
  const [ofs, subjects] = [findings.map(({ of }) => of.length), findings.map(({ subject }) => subject.length)]
  for (const finding of findings) {
    if (json) {
      printJson({ type: 'check', ...finding })
      continue
    }
    const { of, subject, ok, says, remedy } = finding
    const name = `${of.padEnd(Math.max(...ofs))}  ${subject.padEnd(Math.max(...subjects))}`
    print(`${ok ? paint('ok   ', 'green') : paint('WRONG', 'red')}  ${name}  ${says}`)
    if (!ok && remedy !== undefined) print(`       ${paint(remedy, 'dim')}`)
  }
}

const sourcesOf = async (runtime: Runtime, { org, source }: CheckOptions) =>
  org === undefined ? listConnections(runtime.pool) : chooseSources(await requireOrg(runtime, org), { org, source })

/** Reading accounts would not make the ledger, and could not be done without it. */
const isThere = async ({ pool }: Runtime): Promise<boolean> => {
  const { rows } = await pool.query<{ there: boolean }>("select to_regclass('sync.connections') is not null as there")
  return rows[0]?.there === true
}

const check = async (options: CheckOptions): Promise<void> => {
  const runtime = await openRuntime({ quiet: true })
  try {
    const services = await checkServices(runtime)
    show(services, options.json)
    const wrong = services.filter(({ ok }) => !ok)
    // Without the ledger nobody knows of an account.
    const hasLedger = services.some(({ subject, ok }) => subject === 'PostgreSQL' && ok) && (await isThere(runtime))
    const connections = hasLedger ? await sourcesOf(runtime, options) : []
    if (connections.length === 0) say('No account is connected yet: syncline org add, or syncline org connect')
    for (const connection of connections) {
      const findings = await checkSource(runtime, connection)
      show(findings, options.json)
      wrong.push(...findings.filter(({ ok }) => !ok))
    }
    if (wrong.length > 0) say(`${count(wrong.length, 'thing')} not in order.`)
    process.exitCode = exitCodeOf(wrong)
  } finally {
    await runtime.close()
  }
}
