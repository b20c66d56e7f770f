import { CatalogError } from '../core/errors.js'
import { type SecretProviderKind } from '../core/secret.js'
import { createEnvProvider } from './env.js'
import { createKeyRing, type SealedPlace, type SealedValue } from './envelope.js'
import { createFileProvider, type FileOptions } from './file.js'
import { type ProviderTools, type SecretPlace, type SecretProvider, secretUnavailable } from './provider.js'
import { createSealedProvider, noSealingKey } from './sealed.js'
import { createVaultProvider, type VaultOptions } from './vault.js'

/** Which providers there are, and what each is given. */
export interface SecretSettings {
  /** Key-encryption keys, each of 32 bytes: the first one seals, and all of them open. Empty: nothing is sealed. */
  keys: readonly Buffer[]
  /** The variables that may be used, with their values; null: not set. null for all: no provider. */
  env: ReadonlyMap<string, string | null> | null
  file: FileOptions | null
  vault: VaultOptions | null
}

/** A value outside our database that may be another one now. */
export interface OutsideChange {
  provider: SecretProviderKind
  path: string
}

export interface SecretStore {
  /** Those that are configured. */
  providers: () => SecretProviderKind[]
  /** Why a secret must not have this provider and path, as one sentence with the mend; null: it may. */
  pathProblem: (provider: SecretProviderKind, path: string) => string | null
  /** @throws CatalogError UNAVAILABLE without a key, INVALID_INPUT (`value`) when it can be no value */
  seal: (place: SealedPlace, value: string) => SealedValue
  /** @throws CatalogError SECRET_NOT_FOUND or UNAVAILABLE; see provider.ts */
  read: (record: SecretPlace & { provider: SecretProviderKind }) => Promise<string>
  /** All outside values that are in use, each time anew: these are looked at, and no others. */
  watch: (inUse: readonly OutsideChange[]) => void
  /** @returns ends it */
  onChanged: (listener: (change: OutsideChange) => void) => () => void
  close: () => Promise<void>
}

/** The list of providers: a new one is a line here. */
function createProviders({ keys: [current, ...others], env, file, vault }: SecretSettings, toolsOf: (kind: SecretProviderKind) => ProviderTools) {
  return {
    sealed: current === undefined ? null : createSealedProvider(createKeyRing(current, others)),
    env: env === null ? null : createEnvProvider(env),
    file: file === null ? null : createFileProvider(file, toolsOf('file')),
    vault: vault === null ? null : createVaultProvider(vault, toolsOf('vault')),
  } satisfies Record<SecretProviderKind, SecretProvider | null>
}

export function createSecretStore(settings: SecretSettings, warn: ProviderTools['warn']): SecretStore {
  const listeners = new Set<(change: OutsideChange) => void>()
  const providers = createProviders(settings, (provider) => ({ warn, changed: (path) => listeners.forEach((listener) => listener({ provider, path })) }))
  const all = Object.entries(providers) as Array<[SecretProviderKind, SecretProvider | null]>
  return {
    providers: () => all.flatMap(([kind, provider]) => provider === null ? [] : [kind]),
    pathProblem: (kind, path) => (
      providers[kind] === null ? `This server has no provider ${kind}. Let whoever runs it configure one, or use another.` : providers[kind].pathProblem(path)),
    seal: (place, value) => {
      if (providers.sealed === null) throw noSealingKey()
      return providers.sealed.seal(place, value)
    },
    read: async (record) => {
      const provider = providers[record.provider]
      if (provider === null) throw secretUnavailable(record, `its provider ${record.provider} is not configured`, 'Let whoever runs the server configure it, or set the secret again.')
      return provider.read(record).catch((error: unknown) => {
        throw error instanceof CatalogError ? error : Object.assign(secretUnavailable(record, 'its provider failed', 'Try again in a moment.'), { cause: error })
      })
    },
    watch: (inUse) => {
      // What may not be read, whoever wrote it into the database, is not looked at either.
      const isUsable = ({ provider, path }: OutsideChange) => providers[provider]?.pathProblem(path) === null
      for (const [kind, provider] of all) provider?.watch?.(new Set(inUse.filter((one) => one.provider === kind && isUsable(one)).map(({ path }) => path)))
    },
    onChanged: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    close: async () => { await Promise.all(all.map(async ([, provider]) => provider?.close())) },
  }
}
