import { type SecretProviderKind } from '../../../../src/core/secret.js'
import { cliLine, unless } from '../../data/cli-line.js'
import { type Scope } from '../../data/scope.js'

export const listSecretsLine = (scope: Scope): string => cliLine('secret list', [], { owner: unless('me', scope) })

/** The value is asked for, and never on the line. `version`: the one that is replaced; 0: it has to be a new one. */
export function setSecretLine({ name, scope, provider, path, version }: { name: string; scope: Scope; provider: SecretProviderKind; path: string; version: number }): string {
  const isSealed = provider === 'sealed'
  return cliLine('secret set', [name || 'NAME'], {
    owner: unless('me', scope), provider: isSealed ? undefined : provider, path: isSealed ? undefined : path || 'PATH', expected: String(version),
  })
}

export const deleteSecretLine = (name: string, scope: Scope): string => cliLine('secret delete', [name], { owner: unless('me', scope) })
