import { nameKey } from '../core/entry.js'
import { secretReferences } from '../core/mcp-server.js'
import { bindingTarget } from '../core/secret.js'
import { leasedName } from '../core/lease.js'
import { type SecretReference } from '../core/secret-ref.js'
import { CatalogRequestError, type OwnerInput } from '../client/index.js'
import { LeaseError } from './errors.js'
import { isDenial, type Lease, type Leaser, unavailable } from './leaser.js'
import { type CatalogView, type ViewMcpServer } from './view.js'

/** What the references of one entry stand for in one session, as often as it has to be known. Its failures say so in words for people. */
export interface SecretSource {
  /** @throws LeaseError; Error when the entry has left the set; the signal's reason when that aborts */
  lease: (signal: AbortSignal) => Promise<Lease>
}

export interface SecretSourceOptions {
  /** What the worker holds of the owner's set. */
  view: () => CatalogView | null
  leaser: Leaser
  /** Of the session. */
  owner: OwnerInput
  sessionId: string
}

/** @returns undefined for an entry without references, which nothing is leased for */
export function createSecretSource(entry: ViewMcpServer, options: SecretSourceOptions): SecretSource | undefined {
  if (secretReferences(entry.definition).length === 0) return undefined
  const place = bindingTarget(entry.definition)
  const current = () => {
    const held = options.view()?.entries.get(nameKey(entry))
    if (held?.id !== entry.id || held.kind !== 'MCP_SERVER') throw new Error('The entry has left the set, so nothing of it starts.')
    return held
  }
  return {
    lease: async (signal) => {
      const lease = await leaseCurrent(current, options, signal).catch((error: unknown) => {
        signal.throwIfAborted()
        // Whatever else went wrong: where the values would go is not what anybody has confirmed.
        if (!(error instanceof LeaseError && error.failure === 'DENIED')) requirePlace(place, current())
        throw error
      })
      requirePlace(place, current())
      return lease
    },
  }
}

/** What is leased is for the place that the entry has by now; what an earlier revision would send it to is another matter (S24). */
function requirePlace(place: string, { name, revision, definition }: ViewMcpServer): void {
  if (bindingTarget(definition) === place) return
  throw new LeaseError('DENIED', `The secrets of ${name} are for where revision ${revision} sends them, and for no other place.`)
}

/** At the revision that the worker knows of now, which may be a later one than that which runs: the catalog leases no other. */
async function leaseCurrent(current: () => ViewMcpServer, { leaser, owner, sessionId }: SecretSourceOptions, signal: AbortSignal): Promise<Lease> {
  for (;;) {
    const asked = current()
    const { id: entryId, revision } = asked
    try {
      const lease = await leaser({ entryId, revision, owner, sessionId }, signal)
      const now = current()
      if (now.revision !== revision) continue
      // From a node that has not heard yet what this worker has (S26).
      if (lease.secretVersion < (now.secretVersion ?? 0)) throw outdated()
      return lease
    } catch (error) {
      signal.throwIfAborted()
      if (isDenial(error)) throw new LeaseError('DENIED', denialText(error, asked, owner))
      if (!(error instanceof CatalogRequestError) || error.code !== 'REVISION_CONFLICT') throw unavailable(error)
      if (current().revision === revision) throw outdated()
    }
  }
}

function outdated(): LeaseError {
  return new LeaseError('OUTDATED', 'Its secrets changed just now; the worker waits for the catalog to tell how.')
}

/** Not in the catalog's own words: those are for whoever asked, which was a worker. */
function denialText({ code, extensions }: CatalogRequestError, { name, definition }: ViewMcpServer, owner: OwnerInput): string {
  if (code === 'FORBIDDEN') return 'Its secrets are not for this worker, whose token does not serve this owner.'
  if (code === 'LIMIT_EXCEEDED') return `${name} refers to more secrets than the catalog leases at once; its owner has to use fewer.`
  if (code === 'NOT_FOUND') return `Its secrets cannot be had: the catalog does not have ${name} in this owner's set.`
  const refused = refusedAmong(secretReferences(definition), extensions.references)
  const isUnbound = code === 'SECRET_UNBOUND'
  // Who mends the one cannot mend the other.
  return [
    lack(name, refused, 'USER', owner.kind !== 'USER'
      ? ['A secret of a person is missing', 'this session acts for none']
      : ['Connect your account', isUnbound ? 'you have not confirmed that the value may go where it would go now' : 'you have set no value']),
    lack(name, refused, 'OWNER', isUnbound
      ? ['A secret is not confirmed', 'nobody who may has confirmed that the value may go where it would go now']
      : ['A secret is missing', 'there is no value']),
  ].filter((text) => text !== null).join(' ')
}

function lack(name: string, refused: SecretReference[], scope: SecretReference['scope'], [what, why]: [string, string]): string | null {
  const names = new Set(refused.filter((one) => one.scope === scope).map(leasedName))
  return names.size === 0 ? null : `${what}: ${name} needs ${[...names].join(', ')}, and ${why}.`
}

function isReference(one: unknown): one is Pick<SecretReference, 'scope' | 'name'> {
  return typeof one === 'object' && one !== null && 'scope' in one && 'name' in one && typeof one.name === 'string'
}

/** What the catalog says of the references is taken for those that the entry has; all of them, when it says nothing. */
function refusedAmong(references: SecretReference[], told: unknown): SecretReference[] {
  const names = new Set(Array.isArray(told) ? told.flatMap((one) => (isReference(one) ? leasedName(one) : [])) : [])
  const refused = references.filter((reference) => names.has(leasedName(reference)))
  return refused.length > 0 ? refused : references
}
