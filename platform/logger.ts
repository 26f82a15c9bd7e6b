// Structured logs on stderr: lower-case messages, facts as fields, never a payload value or a token.
import { type DestinationStream, type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino'

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'child' | 'level'>

/** Field names whose values are never printed, wherever they stand in a logged object (invariant 9). */
const SECRET_FIELDS = [
  'authorization',
  'password',
  'secret',
  'token',
  'accessToken',
  'refreshToken',
  'credential',
  'encryptionKey',
]

/** A logger writing JSON lines to stderr (file descriptor 2), because stdout is for data, or to another destination. */
export const createLogger = (level = 'info', destination?: DestinationStream): Logger =>
  pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[redacted]' },
    },
    destination ?? pino.destination({ dest: 2, sync: true }),
  )

export const silentLogger: Logger = pino({ level: 'silent' })
