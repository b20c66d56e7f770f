import { createPathWatch } from './path-watch.js'
import { asValue, partsOf, type ProviderTools, type SecretPlace, type SecretProvider, secretNotFound, secretUnavailable } from './provider.js'
import { createVaultClient, objectOf, type VaultAnswer, type VaultSettings } from './vault-client.js'
import { keepToken } from './vault-token.js'

export interface VaultOptions extends VaultSettings {
  /** Default 5,000 ms. */
  timeoutMs?: number
  /** Between two looks at the versions of all secrets in use. Default 30,000 ms. */
  everyMs?: number
  /** Of the token's renewal; see vault-token.ts. Default 1,000 ms. */
  retryMs?: number
}

/** Requests for versions that are under way at once, at most. */
const looksAtOnce = 4
const gone = 'gone'
const mendAccess = "Let an admin give the server's token a policy with `read` on data and metadata below its prefix."
const mendServer = 'Try again in a moment; if it lasts, let whoever runs the server look at Vault and at PILOTHOUSE_VAULT_….'

/** HashiCorp Vault or OpenBao, KV engine of version 2. The path is `a/b#field`, from the engine's mount on; without a field it is `value`. */
export function createVaultProvider({ timeoutMs = 5_000, everyMs = 30_000, retryMs = 1_000, ...settings }: VaultOptions, { changed, warn }: ProviderTools): SecretProvider {
  const client = createVaultClient(settings, timeoutMs)
  const keeper = keepToken({ client, warn, retryMs })
  const mount = encoded(settings.mount)
  const paths = createPathWatch({ changed, everyMs, look: lookAt })
  let isBlind = false

  /** Several fields of one secret share a request. */
  async function lookAt(watched: ReadonlySet<string>): Promise<void> {
    const bySecret = new Map<string, string[]>()
    for (const path of watched) bySecret.set(parse(path).secret, [...bySecret.get(parse(path).secret) ?? [], path])
    const waiting = [...bySecret]
    let failure: string | null = null
    await Promise.all(Array.from({ length: looksAtOnce }, async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [secret, all] = next
        const answer = await client.get(`${mount}/metadata/${encoded(secret)}`)
        const version = answer.kind === 'ANSWER' ? currentVersion(answer) : null
        if (version === null) failure = answer.kind === 'PROBLEM' ? answer.why : `status ${answer.status}`
        else for (const path of all) paths.saw(path, version)
      }
    }))
    if (failure !== null && !isBlind) warn(new Error(failure), 'changes of secrets in Vault cannot be noticed')
    isBlind = failure !== null
  }

  return {
    read: async (place) => {
      const path = place.path ?? ''
      if (pathProblem(path, settings.prefix) !== null) throw secretUnavailable(place, 'its path is not below PILOTHOUSE_VAULT_PREFIX', 'Let an admin set it again, with a path below that.')
      const { secret, field } = parse(path)
      const answer = await client.get(`${mount}/data/${encoded(secret)}`)
      const { version, value } = found(place, answer, field)
      paths.saw(path, version)
      if (version === gone) throw secretNotFound(place, 'Vault has nothing at its path, or it was deleted', 'Let an admin store it in Vault, or set another path.')
      if (typeof value !== 'string') throw secretNotFound(place, 'the field that its path names is not there, or is no text', 'Name a text field in the path, as a/b#field.')
      return asValue(place, value)
    },
    pathProblem: (path) => pathProblem(path, settings.prefix),
    watch: paths.watch,
    close: async () => {
      client.close()
      await Promise.all([paths.close(), keeper.close()])
    },
  }
}

function parse(path: string): { secret: string; field: string } {
  const at = path.indexOf('#')
  return at === -1 ? { secret: path, field: 'value' } : { secret: path.slice(0, at), field: path.slice(at + 1) }
}

const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/')

function pathProblem(path: string, prefix: string): string | null {
  const { secret, field } = parse(path)
  const parsed = partsOf(path.length > 512 ? path : secret)
  if ('problem' in parsed) return `${parsed.problem} Name a secret of Vault below ${prefix}, as a/b#field.`
  if (field === '' || /\p{C}/u.test(field)) return 'The name of the field, after the #, must not be empty or hold invisible characters.'
  return secret.startsWith(`${prefix}/`) ? null : `The path must lie below ${prefix}, which is PILOTHOUSE_VAULT_PREFIX.`
}

/** Version and value; the value of nothing is undefined. */
function found(place: SecretPlace, answer: VaultAnswer, field: string): { version: string; value: unknown } {
  if (answer.kind === 'PROBLEM') throw secretUnavailable(place, `of Vault, ${answer.why}`, mendServer)
  const { status, body } = answer
  const [data, metadata] = [objectOf(objectOf(body.data)?.data), objectOf(objectOf(body.data)?.metadata)]
  if (isNowhere(answer) || (status === 404 && metadata !== null)) return { version: gone, value: undefined }
  if (status === 403) throw secretUnavailable(place, 'Vault does not let the server read it', mendAccess)
  if (status !== 200 || metadata === null) throw secretUnavailable(place, status === 503 ? 'Vault is sealed or in standby' : `Vault answers with status ${status}`, mendServer)
  return { version: versionText(metadata.version, metadata.created_time), value: data !== null && Object.hasOwn(data, field) ? data[field] : undefined }
}

/** Vault says 404 with reasons when it has no engine there, which says nothing of the secret, and without any when it has no such secret. */
function isNowhere({ status, body }: { status: number; body: Record<string, unknown> }): boolean {
  return status === 404 && Array.isArray(body.errors) && body.errors.length === 0
}

/** null: the answer does not say. */
function currentVersion(answer: { status: number; body: Record<string, unknown> }): string | null {
  if (isNowhere(answer)) return gone
  const metadata = answer.status === 200 ? objectOf(answer.body.data) : null
  const current = objectOf(objectOf(metadata?.versions)?.[String(metadata?.current_version)])
  if (metadata === null) return null
  // A secret with metadata only has no version yet.
  if (current === null || current.destroyed === true || isPast(current.deletion_time)) return gone
  return versionText(metadata.current_version, current.created_time)
}

/** Versions begin anew at 1 when a secret was deleted with all of them. */
function versionText(version: unknown, createdTime: unknown): string {
  return `${typeof version === 'number' ? version : 0} ${typeof createdTime === 'string' ? createdTime : ''}`
}

/** With `delete_version_after` the time of its deletion is in the future. */
function isPast(deletionTime: unknown): boolean {
  return typeof deletionTime === 'string' && deletionTime !== '' && !(Date.parse(deletionTime) > Date.now())
}
