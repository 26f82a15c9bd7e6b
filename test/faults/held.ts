// A worker that stops at a failpoint and waits there, so that something can be done to it at just this place.
import type { RoleName } from '../../cli/role-names.ts'
import type { FailSite } from '../../platform/failpoints.ts'
import { until } from '../harness/until.ts'
import type { Member } from './crew.ts'
import type { Scene } from './scene.ts'

const REACHED_WITHIN_MS = 180_000
const WENT_ON_WITHIN_MS = 60_000

export interface Held {
  readonly member: Member
  /** Resolves when the worker is in its group: what comes from then on, it gets its part of. */
  joined(): Promise<void>
  /** Resolves when the worker stands at the site. */
  reached(): Promise<void>
  /** Lets it go on. */
  release(): void
  /** After the release: resolves when the worker has logged `text`. */
  logged(text: string): Promise<void>
}

export const JOINED = 'joined the group'

/** Resolves when a worker with a consumer is in its group. */
export const hasJoined = (member: Member): Promise<void> =>
  until(`a ${member.role} worker has joined its group`, () => member.log().includes(JOINED), REACHED_WITHIN_MS)

/** Starts one member more, which holds when it reaches the site for the nth time. */
export const startHeld = (scene: Scene, role: RoleName, site: FailSite, nth: number): Held => {
  const member = scene.lab.crew.start(role, { SYNCLINE_FAIL: `${site}:hold:${nth}` })
  let releasedAt = 0
  return {
    member,
    joined: () => hasJoined(member),
    reached: () => until(`${site} is reached`, () => member.log().includes('"msg":"failpoint"'), REACHED_WITHIN_MS),
    release: () => {
      releasedAt = member.log().length
      member.signal('SIGUSR2')
    },
    logged: (text) => until(`the worker logs ${text}`, () => member.log().slice(releasedAt).includes(text), WENT_ON_WITHIN_MS),
  }
}
