// The worker processes of one installation: a role each, one or several members a role.
import { ROLE_NAMES, type RoleName } from '../../cli/role-names.ts'
import type { Environment, Installation, WorkerProcess } from '../harness/installation.ts'

export interface Member extends WorkerProcess {
  readonly role: RoleName
  /** What it has besides. */
  readonly env: Environment
}

const STOP_WITHIN_MS = 10_000

export class Crew {
  readonly #installation: Installation
  #members: Member[] = []
  /** All that ever were, for their logs. */
  readonly #everyone: Member[] = []

  constructor(installation: Installation) {
    this.#installation = installation
  }

  start(role: RoleName, env: Environment = {}): Member {
    const member = { ...this.#installation.workerWith(env, role), role, env }
    this.#members.push(member)
    this.#everyone.push(member)
    return member
  }

  /** Those of a role that run. */
  of(role: RoleName): readonly Member[] {
    return this.running().filter((member) => member.role === role)
  }

  running(): readonly Member[] {
    this.#members = this.#members.filter((member) => member.isRunning())
    return this.#members
  }

  /** Brings every role to so many members. */
  fill(members: number): void {
    for (const role of ROLE_NAMES) while (this.of(role).length < members) this.start(role)
  }

  /** SIGKILL to one, and a new one like it in its place. */
  async kill(member: Member): Promise<Member> {
    await member.kill()
    return this.start(member.role, member.env)
  }

  /** Stops the members of a role in good order, and starts one in their place. */
  async replace(role: RoleName, env: Environment): Promise<Member> {
    await Promise.all(this.of(role).map((member) => member.stop()))
    return this.start(role, env)
  }

  /** SIGTERM to all; resolves to what is wrong with how they ended. */
  async dismiss(): Promise<readonly string[]> {
    const all = [...this.running()]
    return (await Promise.all(all.map(stopInTime))).filter((wrong) => wrong !== undefined)
  }

  logs(): readonly { readonly name: string; readonly text: string }[] {
    return this.#everyone.map((member, n) => ({ name: `${n}-${member.role}-${member.pid}`, text: member.log() }))
  }
}

const stopInTime = async (member: Member): Promise<string | undefined> => {
  const startedAt = performance.now()
  const force = setTimeout(() => member.signal('SIGKILL'), 3 * STOP_WITHIN_MS)
  const code = await member.stop()
  clearTimeout(force)
  const ms = performance.now() - startedAt
  if (code !== 0) return `${member.role} ended with exit code ${code}`
  return ms > STOP_WITHIN_MS ? `${member.role} took ${Math.round(ms)} ms to stop` : undefined
}
