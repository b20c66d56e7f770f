import { type Definition, type EntryKind } from './entry.js'
import { type McpServerDefinition } from './mcp-server.js'
import { type Finding, type Rule, type RuleSubject } from './policy.js'
import { completePolicy, defaultPolicy, type FullPolicyDocument, type PolicyDocument, policyDocumentSchema } from './policy-document.js'
import { env } from './rules/env.js'
import { headers } from './rules/headers.js'
import { serverLists } from './rules/server-lists.js'
import { stdio } from './rules/stdio.js'
import { transport } from './rules/transport.js'
import { url } from './rules/url.js'
import { wideningsOf } from './policy-widening.js'

/** Entries as warnings ask for them: with what the policy's owner can see of all that it governs. */
export interface GovernedEntry {
  kind: EntryKind
  name: string
  definition: Definition
}

/** Lists of a document whose items are meant for MCP servers, by part. */
const lists = [
  ['mcpServers', 'allow'], ['mcpServers', 'deny'], ['urls', 'insecureHttp'], ['urls', 'privateNetworks'],
  ['stdio', 'launchers'], ['stdio', 'directories'], ['stdio', 'preapproved'], ['env', 'deny'], ['headers', 'deny'],
] as const
type ListPath = (typeof lists)[number]

/** Which rules read a part. All of them would say the same, and take longer. */
const readers: Record<ListPath[0], readonly Rule[]> = { mcpServers: [serverLists], urls: [url], stdio: [stdio, transport], env: [env], headers: [headers] }

/** More would be read by nobody. */
const maxWarnings = 100

/**
 * What of a document does not do what it seems to say (S28): items that match nothing, parts that count for nothing. It is as valid with them.
 * @param stored as stored; see `Policy.document` of the API
 * @param deployment of a team's document: what it narrows; null: the document is the deployment's own
 * @param entries that it governs, whoever owns them
 */
export function policyWarnings(stored: unknown, deployment: FullPolicyDocument | null, entries: readonly GovernedEntry[]): Finding[] {
  const parsed = policyDocumentSchema.safeParse(stored)
  if (!parsed.success) {
    return [{ rule: 'unreadable', effect: 'WARN', field: 'document', message: 'The document cannot be read, so everything is denied.', mend: 'Set one that parses.' }]
  }
  const document = parsed.data
  const found: Finding[] = deployment === null ? namelessOverrides(document, entries).slice(0, maxWarnings) : wideningsOf(document, deployment)
  const base = neutral(completePolicy(document, deployment ?? defaultPolicy))
  const servers = entries.filter(({ kind }) => kind === 'MCP_SERVER')
  for (const path of lists) {
    const matches = matcherOf(path, base, servers)
    for (const [at, item] of itemsOf(document, path).entries()) {
      if (found.length >= maxWarnings) return found
      if (!matches(item)) found.push({ ...warningOf(path, item, base, servers), field: `document.${path.join('.')}.${at}` })
    }
  }
  return found
}

/** What is denied as a whole would hide what single items do. */
function neutral(full: FullPolicyDocument): FullPolicyDocument {
  return { ...full, transports: { stdio: 'approve', http: 'allow', sse: 'allow' } }
}

function itemsOf(document: PolicyDocument, [part, list]: ListPath): readonly unknown[] {
  return (document[part] as Record<string, readonly unknown[] | undefined> | undefined)?.[list] ?? []
}

function withList(base: FullPolicyDocument, [part, list]: ListPath, items: readonly unknown[]): FullPolicyDocument {
  return { ...base, [part]: { ...base[part], [list]: items } }
}

const mend = 'Correct it if it is misspelt; leave it if it is meant for entries to come.'

function warningOf(path: ListPath, item: unknown, base: FullPolicyDocument, servers: readonly RuleSubject[]): Omit<Finding, 'field'> {
  const isShadowed = path[1] === 'allow' && base.mcpServers.deny.length > 0 && matcherOf(path, { ...base, mcpServers: { allow: null, deny: [] } }, servers)(item)
  if (isShadowed) return { rule: 'shadowed', effect: 'WARN', message: 'Everything that it matches is denied: deny wins.', mend: 'Take it out, or change mcpServers.deny.' }
  return { rule: 'matches-nothing', effect: 'WARN', message: 'It matches no entry.', mend }
}

/**
 * An item matches a server when the rules judge it in another way with the item alone in its list than with nothing there: so this can never say
 * something else than they do.
 */
function matcherOf(path: ListPath, base: FullPolicyDocument, servers: readonly RuleSubject[]): (item: unknown) => boolean {
  const none = withList(base, path, [])
  const [part] = path
  const isRemote = part === 'urls' || part === 'headers'
  const concerned = part === 'mcpServers' ? servers : servers.filter(({ definition }) => (
    ((definition as McpServerDefinition).transport.kind === 'STDIO') !== isRemote))
  const judged = (server: RuleSubject, document: FullPolicyDocument) => judgement(readers[part], server, document)
  const withNothing = new Map<RuleSubject, string>()
  return (item) => {
    const alone = withList(base, path, [item])
    return concerned.some((server) => {
      const before = withNothing.get(server) ?? judged(server, none)
      withNothing.set(server, before)
      return judged(server, alone) !== before
    })
  }
}

/** What rules object to. Mends may name what is listed, whatever it matches. */
function judgement(all: readonly Rule[], server: RuleSubject, document: FullPolicyDocument): string {
  const findings = all.flatMap((rule) => rule(server, document))
  return findings.map(({ rule, effect, field, message }) => `${rule} ${effect} ${field} ${message}`).join('\n')
}

/** Names under which nothing could take the place of a static entry. Which static entries there are, workers know. */
function namelessOverrides({ static: ofStatic }: PolicyDocument, entries: readonly GovernedEntry[]): Finding[] {
  const names = new Set(entries.map(({ name }) => name))
  return (ofStatic?.overridable ?? []).flatMap((name, at) => (names.has(name) ? [] : [{
    rule: 'matches-nothing', effect: 'WARN', field: `document.static.overridable.${at}`, message: 'There is no entry of exactly this name.', mend,
  }]))
}
