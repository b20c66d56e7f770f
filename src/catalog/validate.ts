import { parseAgentDefinition } from '../core/agent.js'
import { blockFinding, blockOn } from '../core/block.js'
import { type Definition, type EntryKind, isRevoked, type JudgedEntry, nameKey } from '../core/entry.js'
import { CatalogError, notFound } from '../core/errors.js'
import { isSameOwner, ownerKey, type OwnerRef } from '../core/owner.js'
import { line, parseInput } from '../core/parse.js'
import { parseMcpServerDefinition } from '../core/mcp-server.js'
import { type Finding, type Verdict, verdictKind } from '../core/policy.js'
import { policiesOf, verdictOf } from '../index/judge.js'
import { ownerFor, writableEntry } from './authorize.js'
import { frozenFinding } from './block.js'
import { digestOf, type CatalogContext } from './context.js'
import { type RegisterInput } from './entry.js'
import { lookAlike } from './look-alike.js'
import { secretFindings } from './secret-findings.js'
import { hasRoom, quotaExceeded, quotaOf } from './quota.js'
import { resolveReach } from './reach.js'

export interface ValidateInput extends RegisterInput {
  definition: unknown
}

interface Subject {
  kind: EntryKind
  owner: OwnerRef
  name: string
  definition: Definition
  /** The entry that it would become the next revision of; null for a new one. */
  before: JudgedEntry | null
}

/**
 * The dry run of a registration, or of the update of an entry: everything that would refuse it, or make it wait, at once. Nothing is stored,
 * and nothing is asked for. What saving refuses for another reason than policy is a finding here, too.
 * @throws CatalogError NOT_FOUND, FORBIDDEN when the caller may not write for that owner at all
 */
export async function validateEntry(context: CatalogContext, kind: EntryKind, input: ValidateInput, entryId: string | null): Promise<Verdict> {
  const before = entryId === null ? null : await writableEntry(context, entryId, 'entryId')
  if (before !== null && before.kind !== kind) throw notFound('entryId', 'entry')
  const owner = await ownerFor(context, 'WRITE_ENTRIES', input.owner, 'owner')
  const findings: Finding[] = []
  const denying = <Result>(read: () => Result): Result | null => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof CatalogError)) throw error
      findings.push({ rule: 'form', effect: 'DENY', field: error.details.field ?? 'input', message: error.message, mend: error.details.mend ?? '' })
      return null
    }
  }
  const name = denying(() => parseInput(line(200, 1), input.name, 'name'))
  const definition = denying(() => (kind === 'MCP_SERVER' ? parseMcpServerDefinition(input.definition) : parseAgentDefinition(input.definition)))
  denying(() => resolveReach(context, owner, input, before))
  const verdict = name === null || definition === null ? null : verdictOf(policiesOf(context.index.state, owner), { kind, name, definition })
  if (name !== null && definition !== null) findings.push(...checks.flatMap((check) => check(context, { kind, owner, name, definition, before })))
  const all = [...verdict?.findings ?? [], ...findings]
  return { kind: verdictKind(all), findings: all, policyRevision: context.index.state.policy.revision }
}

/** What saving looks at besides the rules. */
const checks: Array<(context: CatalogContext, subject: Subject) => Finding[]> = [ownership, knowledge, names, looks, quota, blocks, secretFindings]

function ownership(_: CatalogContext, { owner, before }: Subject): Finding[] {
  if (before === null || isSameOwner(before.owner, owner)) return []
  return [{ rule: 'form', effect: 'DENY', field: 'owner', message: 'The entry belongs to another owner.', mend: 'Name its owner: entries never change hands.' }]
}

function knowledge({ index }: CatalogContext, { owner }: Subject): Finding[] {
  if (owner.kind !== 'USER' || index.state.users.has(owner.id)) return []
  return [{ rule: 'form', effect: 'DENY', field: 'owner', message: 'The catalog does not know that person yet.', mend: 'Create the user first.' }]
}

function names({ index }: CatalogContext, { kind, owner, name, before }: Subject): Finding[] {
  const holder = [...index.state.entriesByName.get(nameKey({ kind, name })) ?? []].find((entry) => isSameOwner(entry.owner, owner) && entry.id !== before?.id)
  if (holder === undefined) return []
  return [{
    rule: 'name-taken', effect: 'DENY', field: 'name', message: `That owner has an entry named ${name} already.`,
    mend: 'Choose another name, or update the entry that has it.',
  }]
}

function looks(context: CatalogContext, { kind, owner, name, before }: Subject): Finding[] {
  if (name === before?.name) return []
  const finding = lookAlike(context, { id: before?.id ?? '', kind, name, owner })
  return finding === null ? [] : [finding]
}

function quota({ index: { state } }: CatalogContext, { owner, before }: Subject): Finding[] {
  const limit = before === null ? quotaOf(state, owner) : null
  if (limit === null || hasRoom(state, { quota: limit, added: 1 })) return []
  const { message, details } = quotaExceeded(limit, state.owned.get(ownerKey(owner))?.size ?? 0)
  return [{ rule: 'quotas', effect: 'DENY', field: 'owner', message, mend: details.mend ?? '' }]
}

function blocks({ index }: CatalogContext, { kind, owner, definition, before }: Subject): Finding[] {
  if (before !== null && isRevoked(before)) {
    return [{ rule: 'revoked', effect: 'DENY', field: 'entryId', message: 'The entry is revoked, and cannot be changed.', mend: 'Restore it first; somebody else then has to approve it.' }]
  }
  const subject = { kind, owner, definition, digest: digestOf(kind, definition) }
  if (before?.revoked && before.digest !== subject.digest) return [frozenFinding]
  const block = blockOn(subject, index.state.blocks.values())
  return block === null ? [] : [blockFinding(subject, block)]
}
