import { type Entry, type JudgedEntry } from '../core/entry.js'
import { type McpServerDefinition } from '../core/mcp-server.js'
import { type Finding } from '../core/policy.js'
import { referencesOf } from '../core/secret.js'
import { secretFor } from '../index/secrets.js'
import { type CatalogContext } from './context.js'

/**
 * Secrets that a definition names and its owner does not have. They may come later, so none of them keeps an entry from being saved. Of `${user:}`
 * only the owner's own account is looked at; who else uses the entry is told by `secretBindings`.
 */
export function secretFindings({ index }: CatalogContext, entry: Pick<Entry, 'kind' | 'owner' | 'definition'>): Finding[] {
  return referencesOf(entry).flatMap((reference) => {
    const { scope, name, injectionPoint } = reference
    const isOthers = scope === 'USER' && entry.owner.kind !== 'USER'
    if (isOthers || secretFor(index.state.secrets, reference, entry, entry.owner) !== null) return []
    const { transport } = entry.definition as McpServerDefinition
    const [part, place] = [transport.kind === 'STDIO' ? 'env' : 'headers', injectionPoint.slice(injectionPoint.indexOf(':') + 1)]
    return [{
      rule: 'secret-unknown', effect: 'WARN', field: `definition.transport.${transport.kind.toLowerCase()}.${part}.${place}`,
      message: `The owner has no secret ${name} yet, so ${place} is not filled.`, mend: `Set it, in the console or with \`pilothouse secret set ${name}\`.`,
    }]
  })
}

/** What was saved, as the answer to whoever saved it tells it. */
export function withSecretFindings<Saved extends JudgedEntry>(context: CatalogContext, entry: Saved): Saved {
  const found = secretFindings(context, entry)
  return found.length === 0 ? entry : { ...entry, verdict: { ...entry.verdict, findings: [...entry.verdict.findings, ...found] } }
}
