import { asValue, type SecretProvider, secretNotFound } from './provider.js'

/**
 * Variables of the server's environment as they were when it started. The path is a variable's name; only those that the operator listed can be used.
 * @param values by name; null: listed, and not set
 */
export function createEnvProvider(values: ReadonlyMap<string, string | null>): SecretProvider {
  return {
    read: async (place) => {
      const value = values.get(place.path ?? '') ?? null
      if (value === null) throw secretNotFound(place, 'its variable is not listed or not set', 'List it in PILOTHOUSE_SECRET_ENV, set it, and start the server again.')
      return asValue(place, value)
    },
    pathProblem: (path) => values.has(path) ? null : 'The path must be the name of a variable that PILOTHOUSE_SECRET_ENV lists.',
    close: async () => {},
  }
}
