import { parseAgentDefinition } from '../core/agent.js'
import { parseAgentMd } from '../core/agent-md.js'
import { isEqualJson } from '../core/canonical.js'
import { type Definition, type Entry, type EntryKind, type JudgedEntry, nameKey } from '../core/entry.js'
import { CatalogError, invalid, notFound } from '../core/errors.js'
import { isSameOwner, type OwnerRef } from '../core/owner.js'
import { mostImportCharacters, mostImportItems, type ParsedItem, parseMcpJson } from '../core/mcp-json.js'
import { parseMcpServerDefinition } from '../core/mcp-server.js'
import { type Finding } from '../core/policy.js'
import { redactTokens } from '../core/redact.js'
import { type Tx } from '../db/client.js'
import { lockEntries } from '../db/entry.js'
import { putEntries } from '../db/entry-commit.js'
import { holdTeams } from '../db/user.js'
import { type OwnerQuery } from '../index/catalog-index.js'
import { judge } from '../index/judge.js'
import { ownerFor } from './authorize.js'
import { commit, type Committed } from './commit.js'
import { nameTaken } from './entry-lane.js'
import { growthOf, quotaExceeded, quotaOf } from './quota.js'
import { actionNoun, judged, newEntry, nextRevision, registered, updated } from './entry.js'
import { actorOf, type CatalogContext } from './context.js'
import { mayTake, narrowingOf } from './narrow.js'
import { openReceipts } from './open-receipt.js'
import { secretFindings } from './secret-findings.js'

export type ImportFormat = 'MCP_JSON' | 'PILOTSWARM' | 'AGENT_MD'
/** FAIL: all or nothing. The others leave out what cannot be imported and take the rest. */
export type ImportConflict = 'FAIL' | 'SKIP' | 'UPDATE' | 'RENAME'

export interface ImportInput {
  owner: OwnerQuery
  format: ImportFormat
  text: string
  onConflict?: ImportConflict | null
  dryRun?: boolean | null
}

export type ImportOutcome = 'CREATED' | 'UPDATED' | 'UNCHANGED' | 'RENAMED' | 'SKIPPED' | 'REFUSED' | 'NOT_WRITTEN'

export interface ImportItem {
  name: string
  kind: EntryKind
  outcome: ImportOutcome
  entry: JudgedEntry | null
  findings: Finding[]
}

interface Step extends ImportItem {
  before: Entry | null
  after: Entry | null
}

/**
 * Registers what a text holds, in one commit. A dry run answers the same items and writes nothing.
 * @throws CatalogError INVALID_INPUT when the text as a whole cannot be read; QUOTA_EXCEEDED when others took the room meanwhile
 */
export async function importCatalog(context: CatalogContext, input: ImportInput): Promise<{ items: ImportItem[]; cursor: string | null }> {
  const items = readItems(input)
  // It is planned on the index as a whole, so that must know what other nodes committed.
  await context.refresh()
  const dryRun = input.dryRun ?? false
  const committed: Committed<ImportItem[]> = await commit(context, actorOf(context.principal), async () => {
    const owner = await ownerFor(context, 'WRITE_ENTRIES', input.owner, 'owner')
    const steps = plan(context, owner, items, input.onConflict ?? 'FAIL')
    const isBlocked = (input.onConflict ?? 'FAIL') === 'FAIL' && steps.some(({ outcome }) => outcome === 'REFUSED')
    const shown = isBlocked ? steps.map(notWritten) : steps
    return async (tx) => {
      if (owner.kind === 'TEAM' && (await holdTeams(tx, [owner.id])).length === 0) throw notFound('owner', 'owner')
      const written = dryRun ? [] : shown.filter((step): step is Step & { after: Entry } => step.after !== null)
      await requireUnchanged(tx, written)
      if (written.length > 0) await putEntries(tx, written.map(({ after }) => after)).catch(nameTaken)
      const narrowed = written.flatMap(({ before, after }) => (before === null ? [] : [{ before: judged(context, before), after: judged(context, after) }])).filter(mayTake)
      const losses = narrowed.map((change) => narrowingOf(context, change))
      await openReceipts(context, tx, losses, { actor: actorOf(context.principal), changes: written.length, isAlways: false, tokenId: null })
      const changes = written.map(({ before, after, kind }) => (
        before === null ? registered(context, after) : updated(context, before, after, `${actionNoun[kind]}.update`)))
      const growth = growthOf(written.filter(({ before }) => before === null).map(() => quotaOf(context.index.state, owner)))
      return { changes, growth, result: shown.map(({ before: _, after: __, ...item }) => item) }
    }
  })
  const isWritten = !dryRun && committed.result.some(({ outcome }) => outcome === 'CREATED' || outcome === 'UPDATED' || outcome === 'RENAMED')
  return { items: committed.result, cursor: isWritten ? committed.cursor : null }
}

function readItems({ format, text }: ImportInput): ParsedItem[] {
  if (text.length > mostImportCharacters) throw invalid('text', `The text has more than ${mostImportCharacters} characters.`, 'Import it in parts.')
  if (format === 'AGENT_MD') return [agentItem(text)]
  const parsed = parseMcpJson(text, format === 'PILOTSWARM' ? 'FLAT' : 'FLAT_OR_WRAPPED')
  if ('problem' in parsed) throw invalid('text', parsed.problem, 'Give the text of a .mcp.json: a JSON object of servers.')
  if (parsed.items.length > mostImportItems) throw invalid('text', `The text has more than ${mostImportItems} servers.`, 'Import it in parts.')
  return parsed.items
}

function agentItem(text: string): ParsedItem {
  const { agent, problems } = parseAgentMd(text, 'agent.agent.md')
  if (!agent) throw invalid('text', problems[0]?.message ?? 'The text is not an agent.', 'Give the text of a .agent.md with a prompt below its front matter.')
  const findings = problems.map(({ code, message }) => ({ rule: 'agent-md', effect: 'WARN' as const, field: code, message, mend: 'See the format of .agent.md.' }))
  const { name, description, prompt, tools, skills, mcpServers, inheritDefaultMcpServers } = agent
  return { name, kind: 'AGENT', definition: { description, prompt, tools, skills, mcpServers, inheritDefaultMcpServers }, enabled: true, findings }
}

function plan(context: CatalogContext, owner: OwnerRef, items: ParsedItem[], onConflict: ImportConflict): Step[] {
  const own = new Map([...context.index.state.entries.values()]
    .filter((entry) => isSameOwner(entry.owner, owner)).map((entry) => [nameKey(entry), entry as Entry]))
  return items.map((item) => {
    const step = planItem(context, owner, item, onConflict, own)
    if (step.after !== null) own.set(nameKey(step.after), step.after)
    return withoutTokens(step)
  })
}

/** Whatever a file has where names belong is told, and a token may sit there. */
function withoutTokens(step: Step): Step {
  const findings = step.findings.map((one) => ({ ...one, field: redactTokens(one.field), message: redactTokens(one.message), mend: redactTokens(one.mend) }))
  return { ...step, name: redactTokens(step.name), findings }
}

function planItem(context: CatalogContext, owner: OwnerRef, item: ParsedItem, onConflict: ImportConflict, own: Map<string, Entry>): Step {
  const { kind, findings } = item
  const refused = (more: Finding[]): Step => ({ ...item, outcome: 'REFUSED', entry: null, findings: [...findings, ...more], before: null, after: null })
  if (item.definition === null) return refused([])
  try {
    const definition: Definition = kind === 'MCP_SERVER' ? parseMcpServerDefinition(item.definition) : parseAgentDefinition(item.definition)
    const existing = own.get(nameKey(item)) ?? null
    if (existing === null || onConflict === 'RENAME') {
      const quota = quotaOf(context.index.state, owner)
      if (quota !== null && own.size >= quota.limit) throw quotaExceeded(quota, own.size)
      const name = existing === null ? item.name : freeName(item, own)
      return done(context, item, existing === null ? 'CREATED' : 'RENAMED', null, newEntry(context, kind, owner, name, definition, { enabled: item.enabled }))
    }
    if (onConflict === 'UPDATE') {
      const after = nextRevision(context, existing, { definition })
      return after === null ? done(context, item, 'UNCHANGED', existing, null) : done(context, item, 'UPDATED', existing, after)
    }
    if (onConflict === 'SKIP') return done(context, item, 'SKIPPED', existing, null)
    return refused([{
      rule: 'conflict', effect: 'DENY', field: item.name, message: `That owner has an entry named ${item.name} already.`, mend: 'Import with SKIP, UPDATE or RENAME.',
    }])
  } catch (error) {
    if (!(error instanceof CatalogError)) throw error
    return refused(findingsOf(error))
  }
}

function done(context: CatalogContext, item: ParsedItem, outcome: ImportOutcome, before: Entry | null, after: Entry | null): Step {
  const entry = judge(context.index.state, (after ?? before)!)
  return { name: entry.name, kind: item.kind, outcome, entry, findings: [...item.findings, ...entry.verdict.findings, ...secretFindings(context, entry)], before, after }
}

function findingsOf(error: CatalogError): Finding[] {
  if (Array.isArray(error.details.findings)) return error.details.findings as Finding[]
  return [{ rule: error.code === 'QUOTA_EXCEEDED' ? 'quota' : 'form', effect: 'DENY', field: error.details.field ?? '', message: error.message, mend: error.details.mend ?? '' }]
}

/** All or nothing: what would have been written is not. */
function notWritten(step: Step): Step {
  return step.outcome === 'REFUSED' ? step : { ...step, outcome: 'NOT_WRITTEN', entry: null, before: null, after: null }
}

function freeName({ kind, name }: ParsedItem, own: Map<string, Entry>): string {
  for (let number = 2; ; number++) {
    const suffix = `-${number}`
    const candidate = name.slice(0, 40 - suffix.length) + suffix
    if (!own.has(nameKey({ kind, name: candidate }))) return candidate
  }
}

/** Updates were planned on the index; somebody may have been faster, also in confirming where values go, which is no revision. What the text names twice builds on its own first change. */
async function requireUnchanged(tx: Tx, steps: Array<{ before: Entry | null; after: Entry }>): Promise<void> {
  const planned = steps.flatMap(({ before }, at) => (before === null || steps.slice(0, at).some(({ after }) => after.id === before.id) ? [] : [before]))
  if (planned.length === 0) return
  const locked = new Map((await lockEntries(tx, planned.map(({ id }) => id))).map((entry) => [entry.id, entry]))
  const changed = planned.find(({ id, revision, bindings }) => locked.get(id)?.revision !== revision || !isEqualJson(locked.get(id)!.bindings ?? null, bindings ?? null))
  if (changed === undefined) return
  throw new CatalogError('REVISION_CONFLICT', `${changed.name} was changed meanwhile.`, {
    field: 'text', currentRevision: locked.get(changed.id)?.revision ?? null, mend: 'Import again.',
  })
}
