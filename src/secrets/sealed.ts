import { CatalogError, invalid } from '../core/errors.js'
import { type KeyRing, openValue, type SealedPlace, type SealedValue, sealValue } from './envelope.js'
import { type SecretProvider, secretNotFound, secretUnavailable, valueProblem } from './provider.js'

export interface SealedProvider extends SecretProvider {
  /** @throws CatalogError INVALID_INPUT when it can be no value */
  seal: (place: SealedPlace, value: string) => SealedValue
}

/** Values in our own database, in envelopes that only whoever has the key-encryption key opens. */
export function createSealedProvider(keys: KeyRing): SealedProvider {
  return {
    seal: (place, value) => {
      const problem = valueProblem(value)
      if (problem !== null) throw invalid('value', `This can be no value of a secret: ${problem}.`, 'Give a text of 1 byte to 64 KiB.')
      return sealValue(keys, place, value)
    },
    read: async (place) => {
      if (place.sealed === null) throw secretNotFound(place, 'none is stored', 'Set the secret.')
      const opened = openValue(keys, place, place.sealed)
      if (opened.kind === 'OPEN') return opened.value
      if (opened.kind === 'UNKNOWN_KEY') {
        throw secretUnavailable(place, `it was sealed with a key (${shownId(opened.keyId)}) that the server does not have`, 'Let an admin add that key to PILOTHOUSE_SECRET_KEYS_PREVIOUS, or set the secret again.')
      }
      throw secretUnavailable(place, 'what is stored was altered, or belongs to another owner, name or version', 'Set the secret again.')
    },
    pathProblem: () => 'A sealed secret has a value and no path. Give the value, or another provider.',
    close: async () => {},
  }
}

/** It comes from the database, where somebody may have written anything. */
const shownId = (keyId: string) => (/^[\da-f]{16}$/.test(keyId) ? keyId : 'of no known form')

/** What `sealed` says while no key-encryption key is set. */
export function noSealingKey(): CatalogError {
  return new CatalogError('UNAVAILABLE', 'This server has no key to seal secrets with.', {
    field: 'provider', mend: 'Let whoever runs it set PILOTHOUSE_SECRET_KEY, or use another provider.',
  })
}
