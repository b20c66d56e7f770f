import { type AgentDefinition } from './agent.js'
import { isExpired, needsApproval } from './approval.js'
import { byAge, fates, type Fate, type Scope, type Way, ways } from './effective.js'
import { isRevoked, type JudgedEntry, rejectedReason, restoredReason } from './entry.js'
import { isSameOwner, type OwnerRef, type PrincipalRef } from './owner.js'
import { placeText } from './secret-ref.js'
import { type StandingReference, standingReason } from './secret-standing.js'
import { timeText } from './time-text.js'
import { pinLabel } from './tool-pin.js'
import { type AppliedState, appliedStates, failedStates } from './worker-status.js'

export interface AvailabilityStep {
  /** What was asked, in this order: entry, scope, revocation, enabled, policy, approval, shadowing, secrets, tools, mcpServers, other, workers. */
  check: string
  passed: boolean
  reason: string
}

export interface Availability {
  available: boolean
  /** The entry that the answer is about: the chosen one, else the one that came closest. */
  entry: JudgedEntry | null
  steps: AvailabilityStep[]
}

export interface ExplainInput {
  scope: Scope
  /** Whose set it is about, and whether that is who asks: then the answer says "you". */
  asked: { owner: OwnerRef; isAsker: boolean }
  /** The display name of a user or team. */
  ownerNameOf: (owner: OwnerRef) => string
  /** Every entry of the asked kind and name, whoever may see them. */
  entries: Iterable<JudgedEntry>
  /** Entries that the asker may see beyond those that reach the scope. */
  isVisible: (entry: JudgedEntry) => boolean
  /** Whether a server of that name is in the scope's set; for agents. */
  hasMcpServer: (name: string) => boolean
  /** How the references of an entry stand in sessions of the asked owner. */
  secretsOf: (entry: JudgedEntry) => StandingReference[]
  /** Names of the tools of an entry that are not as they were accepted, null for the server's instructions, as far as the asker may see; and whether they are held. */
  driftOf: (entry: JudgedEntry) => { names: Array<string | null>; isHeld: boolean }
  now: Date
  /** Who decides on an entry's approval, as text. */
  approversOf: (entry: JudgedEntry) => string
  nameOf: (principal: PrincipalRef) => string
}

const step = (check: string, passed: boolean, reason: string): AvailabilityStep => ({ check, passed, reason })

/** Closest first: what is chosen, what would run but for another, what may not run, what does not reach. */
const closeness: Fate<JudgedEntry>['outcome'][] = ['CHOSEN', 'SHADOWED', 'LOCKED_OUT', 'INACTIVE', 'UNREACHED']

const rankOf = (fate: Fate<JudgedEntry>): number => 'way' in fate ? ways.indexOf(fate.way) : ways.length

/**
 * Why an entry of that name is, or is not, in somebody's set, as the whole chain.
 * What neither the owner nor the asker may see does not appear: it all looks like "no entry of that name for you".
 */
export function explain(input: ExplainInput): Availability {
  const visible = fates(input.scope, input.entries)
    .filter((fate) => fate.outcome !== 'UNREACHED' || input.isVisible(fate.entry))
    .sort((a, b) => closeness.indexOf(a.outcome) - closeness.indexOf(b.outcome) || rankOf(a) - rankOf(b) || byAge(a.entry, b.entry))
  const [main, ...others] = visible
  if (main === undefined) {
    return { available: false, entry: null, steps: [step('entry', false, 'There is no entry of that name for you.')] }
  }
  const words = wordsFor(input, visible.map(({ entry }) => entry.owner))
  return {
    available: main.outcome === 'CHOSEN',
    entry: main.entry,
    steps: [...chainOf(main, input, words), ...others.map(({ entry, outcome }) =>
      step('other', false, `There is also one of ${words.owner(entry.owner)}: ${otherReason[outcome](words)}.`))],
  }
}

/** How the people and teams of one answer are called. */
interface Words {
  /** `Ann`, `the team Crew`, `the deployment`; with the id where two of the answer have the same name. */
  owner: (owner: OwnerRef) => string
  /** Whose set it is: `you`, or as above. */
  who: string
  are: 'are' | 'is'
}

function wordsFor({ asked, ownerNameOf }: Pick<ExplainInput, 'asked' | 'ownerNameOf'>, owners: readonly OwnerRef[]): Words {
  const nameOf = (owner: OwnerRef) => ({ DEPLOYMENT: 'the deployment', TEAM: `the team ${ownerNameOf(owner)}`, USER: ownerNameOf(owner) }[owner.kind])
  const all = [asked.owner, ...owners]
  const owner = (one: OwnerRef) => (all.some((other) => nameOf(other) === nameOf(one) && !isSameOwner(other, one)) ? `${nameOf(one)} (${one.id})` : nameOf(one))
  return { owner, who: asked.isAsker ? 'you' : owner(asked.owner), are: asked.isAsker ? 'are' : 'is' }
}

const otherReason: Record<Fate<JudgedEntry>['outcome'], (words: Words) => string> = {
  CHOSEN: () => 'it is chosen', SHADOWED: () => 'a closer or older one is chosen', LOCKED_OUT: () => 'a locked one holds the name',
  INACTIVE: () => 'it is not active', UNREACHED: ({ who }) => `it does not reach ${who}`,
}

function reachedReason({ owner: whose, visibility }: JudgedEntry, way: Way, { owner, who, are }: Words): string {
  switch (way) {
    case 'OWN': return who === 'you' ? 'It is yours.' : `It belongs to ${who}.`
    case 'TEAM': return `It belongs to ${owner(whose)}, in which ${who} ${are}.`
    case 'DEPLOYMENT': return `The deployment offers it to ${visibility === 'PUBLIC' ? 'everybody' : who}.`
    case 'REACHED': return capital(`${owner(whose)} shares it with ${visibility === 'PUBLIC' ? 'everybody' : who}.`)
  }
}

function unreachedReason({ dormant, owner: whose, visibility }: JudgedEntry, scope: Scope, { owner, who, are }: Words): string {
  if (dormant) return capital(`${owner(whose)}, whose it is, is deactivated.`)
  if (scope.kind === 'USER' && scope.isDeactivated) return capital(`${who} ${are} deactivated, and ${who === 'you' ? 'get' : 'gets'} nothing.`)
  if (scope.kind === 'DEPLOYMENT') return `It belongs to ${owner(whose)}, and sessions of the deployment get what the deployment has itself.`
  if (scope.kind === 'TEAM' && whose.kind !== 'DEPLOYMENT') return `It belongs to ${owner(whose)}, and sessions of a team get what the team and the deployment have.`
  if (visibility === 'PRIVATE' && whose.kind === 'DEPLOYMENT') return 'It is for admins alone.'
  return capital(visibility === 'PRIVATE' ? `${owner(whose)} shares it with nobody.` : `${owner(whose)} shares it, but not with ${who}.`)
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1)

function chainOf(fate: Fate<JudgedEntry>, input: ExplainInput, words: Words): AvailabilityStep[] {
  const { entry } = fate
  const steps = [step('entry', true, `${entry.name} of ${words.owner(entry.owner)}, revision ${entry.revision}.`)]
  steps.push(fate.outcome === 'UNREACHED'
    ? step('scope', false, unreachedReason(entry, input.scope, words))
    : step('scope', true, reachedReason(entry, fate.way, words)))
  if (isRevoked(entry)) steps.push(step('revocation', false, `It was revoked (${entry.revoked?.reason}).`))
  steps.push(step('enabled', entry.enabled, entry.enabled ? 'It is enabled.' : 'It is disabled.'))
  const denied = entry.verdict.kind === 'DENY'
  const findings = entry.verdict.findings.map(({ message, mend }) => `${message} ${mend}`).join(' ')
  steps.push(step('policy', !denied, denied ? findings : `The policy (revision ${entry.verdict.policyRevision}) allows it.`))
  const approval = approvalStep(entry, denied ? '' : findings, input)
  if (approval !== null) steps.push(approval)
  if (fate.outcome === 'SHADOWED') steps.push(step('shadowing', false, `The one of ${words.owner(fate.by.owner)} comes first.`))
  else if (fate.outcome === 'LOCKED_OUT') steps.push(step('shadowing', false, `The one of ${words.owner(fate.by.owner)} is locked, and holds the name.`))
  else if (fate.outcome === 'CHOSEN') steps.push(step('shadowing', true, 'No other entry of that name comes first.'))
  return [...steps, ...needs(entry, input, words)]
}

/** null: policy denies it, and nothing was decided of it. */
function approvalStep(entry: JudgedEntry, findings: string, { now, approversOf, nameOf }: ExplainInput): AvailabilityStep | null {
  const { approval, revoked, verdict } = entry
  if (approval?.state === 'REJECTED') return step('approval', false, `${rejectedReason(entry)} By ${nameOf(approval.decidedBy!)}, at ${timeText(approval.decidedAt!)}.`)
  if (!needsApproval(verdict, revoked)) return verdict.kind === 'DENY' ? null : step('approval', true, 'It needs no approval.')
  if (approval?.state === 'APPROVED') return step('approval', true, `${nameOf(approval.decidedBy!)} approved it at ${timeText(approval.decidedAt!)}.`)
  const why = [...(revoked ? [restoredReason(revoked)] : []), findings].join(' ').trim()
  if (!approval) return step('approval', false, `Waits for approval. ${why}`)
  const asked = `${nameOf(approval.requestedBy)} asked for it at ${timeText(approval.requestedAt)}`
  if (isExpired(approval, now)) return step('approval', false, `Nobody decided in time: ${asked}, and it expired at ${timeText(approval.expiresAt)}. Save the entry again to ask once more. ${why}`)
  return step('approval', false, `Waits for approval. ${why} ${asked}; ${approversOf(entry)} decides, until ${timeText(approval.expiresAt)}.`)
}

/** What a session needs besides the entry; never a reason to leave the set. */
function needs(entry: JudgedEntry, input: ExplainInput, words: Words): AvailabilityStep[] {
  if (entry.kind === 'MCP_SERVER') return [...input.secretsOf(entry).map((standing) => secretStep(standing, words.owner(entry.owner))), ...toolsStep(input.driftOf(entry))]
  return (entry.definition as AgentDefinition).mcpServers.map((name) => input.hasMcpServer(name)
    ? step('mcpServers', true, `Its MCP server ${name} is available.`)
    : step('mcpServers', false, `It names the MCP server ${name}, which is not available to ${words.who}; it runs without it.`))
}

function toolsStep({ names, isHeld }: ReturnType<ExplainInput['driftOf']>): AvailabilityStep[] {
  if (names.length === 0) return []
  const told = `Not as accepted: ${names.slice(0, 20).map(pinLabel).join(', ')}${names.length > 20 ? ` and ${names.length - 20} more` : ''}.`
  return [step('tools', !isHeld, `${told} ${isHeld ? 'Sessions go without until it is looked at and accepted.' : 'The policy lets it in.'}`)]
}

function secretStep(standing: StandingReference, owner: string): AvailabilityStep {
  const { reference: { scope, name, injectionPoint } } = standing
  const needed = `A session needs the secret ${name} of ${scope === 'OWNER' ? owner : 'the person it acts for'}, in ${placeText(injectionPoint)}.`
  const reason = standingReason(standing)
  return step('secrets', reason === null, `${needed} ${reason ?? 'It is set, and may go there.'}`)
}

/** What workers report of an entry in the sessions of `asked`; no step where none reported it. */
export function workersStep(states: ReadonlyMap<AppliedState, number>, input: Pick<ExplainInput, 'asked' | 'ownerNameOf'>): AvailabilityStep[] {
  if (states.size === 0) return []
  const { who } = wordsFor(input, [])
  const told = appliedStates.filter((state) => states.has(state)).map((state) => `${state.toLowerCase()} in ${states.get(state)}`)
  return [step('workers', !failedStates.some((state) => states.has(state)), `${who === 'you' ? 'Your sessions' : `Sessions of ${who}`}: ${told.join(', ')}.`)]
}
