// Whom the audit trail names for what this process does.
import { hostname, userInfo } from 'node:os'

/** `cli:<user of the operating system>`. */
export const operatorActor = (): string => `cli:${userName()}`

/** `worker:<host>`. */
export const workerActor = (): string => `worker:${hostname()}`

/** In a container the user may have a number and no name. */
const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    return String(process.getuid?.() ?? 'unknown')
  }
}
