import { type DestinationStream, type Logger, pino } from 'pino'
import { type Config } from './config.js'
import { withoutValues } from './db/client.js'

/** Never logged, should somebody hand them over in an object; the lines themselves are made of known fields only. */
const secretFields = ['authorization', 'token', 'secret', 'password', 'headers', 'variables', 'query']

/**
 * The one logger of a process: JSON lines, on stderr unless told otherwise.
 * @param to for tests
 */
export function createLogger(level: Config['logLevel'], to: DestinationStream = pino.destination(2)): Logger {
  return pino({
    level, name: 'pilothouse', timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) },
    redact: { paths: secretFields.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    serializers: { err: harmless },
  }, to)
}

/** Two kinds of error repeat what they were given: Postgres' about data (SQLSTATE 22…), and the one of `JSON.parse`. */
function harmless(error: unknown): unknown {
  const shown = withoutValues(error)
  const repeats = shown.code?.startsWith('22') || shown.type === 'SyntaxError' || (error instanceof Error && error.cause instanceof SyntaxError)
  return repeats ? { ...shown, message: 'a value could not be read; the text is left out, it may hold the value', cause: null } : shown
}
