// One line of `check`: what was looked at, whether it is in order, and what to do when it is not.
import { type ErrorCode, isSynclineError, messageOf } from '../platform/errors.ts'

export interface Finding {
  /** `Kafka`, `acme/pco`: several lines may have the same. */
  readonly of: string
  readonly subject: string
  readonly ok: boolean
  readonly says: string
  readonly remedy?: string
  /** Of what is not in order. */
  readonly code?: ErrorCode
}

type Subject = Pick<Finding, 'of' | 'subject'>

/** The line of what was thrown. */
export const failureOf = (subject: Subject, error: unknown): Finding => {
  if (!isSynclineError(error)) return { ...subject, ok: false, says: messageOf(error), code: 'unavailable' }
  const { message, remedy, code } = error
  return { ...subject, ok: false, says: message, code, ...(remedy !== undefined && { remedy }) }
}

/** What `look` says when all is well; what it throws is the line of what is not. */
export const findingOf = async (subject: Subject, look: () => string | Promise<string>): Promise<Finding> => {
  try {
    return { ...subject, ok: true, says: await look() }
  } catch (error) {
    return failureOf(subject, error)
  }
}
