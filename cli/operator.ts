// Who gives a command, for what the ledger records of it.
import { userInfo } from 'node:os'

/** The name of the operating system's user; its number where it has no name, as in some containers. */
export const actorName = (): string => {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
