import { type AgentDefinition } from './agent.js'
import { isExpired, needsApproval } from './approval.js'
import { byAge, fates, type Fate, type Scope, ways } from './effective.js'
import { isRevoked, type JudgedEntry, rejectedReason, restoredReason } from './entry.js'
import { type PrincipalRef } from './owner.js'
import { type StandingReference, standingReason } from './secret-standing.js'
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
  return {
    available: main.outcome === 'CHOSEN',
    entry: main.entry,
    steps: [...chainOf(main, input), ...others.map(({ entry, outcome }) =>
      step('other', false, `${describe(entry)} has the same name: ${otherReason[outcome]}.`))],
  }
}

const otherReason: Record<Fate<JudgedEntry>['outcome'], string> = {
  CHOSEN: 'it is chosen', SHADOWED: 'a closer or older one is chosen', LOCKED_OUT: 'a locked one holds the name',
  INACTIVE: 'it is not active', UNREACHED: 'it does not reach this owner',
}

const wayReason = {
  OWN: 'It belongs to this owner.', TEAM: 'It belongs to a team of this owner.',
  DEPLOYMENT: 'The deployment offers it to this owner.', REACHED: 'It is shared with this owner.',
}

function unreachedReason(entry: JudgedEntry, scope: Scope): string {
  if (entry.dormant) return 'Its owner is deactivated.'
  if (scope.kind === 'USER' && scope.isDeactivated) return 'This owner is deactivated, and gets nothing.'
  return `It is ${entry.visibility} and not shared with this owner.`
}

function describe(entry: JudgedEntry): string {
  const whose = { DEPLOYMENT: 'the deployment', TEAM: 'a team', USER: 'a user' }[entry.owner.kind]
  return `The entry ${entry.id} of ${whose}`
}

function chainOf(fate: Fate<JudgedEntry>, input: ExplainInput): AvailabilityStep[] {
  const { entry } = fate
  const steps = [step('entry', true, `${describe(entry)}, revision ${entry.revision}.`)]
  steps.push(fate.outcome === 'UNREACHED'
    ? step('scope', false, unreachedReason(entry, input.scope))
    : step('scope', true, wayReason[fate.way]))
  if (isRevoked(entry)) steps.push(step('revocation', false, `It was revoked (${entry.revoked?.reason}).`))
  steps.push(step('enabled', entry.enabled, entry.enabled ? 'It is enabled.' : 'It is disabled.'))
  const denied = entry.verdict.kind === 'DENY'
  const findings = entry.verdict.findings.map(({ message, mend }) => `${message} ${mend}`).join(' ')
  steps.push(step('policy', !denied, denied ? findings : `The policy (revision ${entry.verdict.policyRevision}) allows it.`))
  const approval = approvalStep(entry, denied ? '' : findings, input)
  if (approval !== null) steps.push(approval)
  if (fate.outcome === 'SHADOWED') steps.push(step('shadowing', false, `${describe(fate.by)} of the same name comes first.`))
  else if (fate.outcome === 'LOCKED_OUT') steps.push(step('shadowing', false, `${describe(fate.by)} is locked and holds the name.`))
  else if (fate.outcome === 'CHOSEN') steps.push(step('shadowing', true, 'No other entry of that name comes first.'))
  return [...steps, ...needs(entry, input)]
}

/** null: policy denies it, and nothing was decided of it. */
function approvalStep(entry: JudgedEntry, findings: string, { now, approversOf, nameOf }: ExplainInput): AvailabilityStep | null {
  const { approval, revoked, verdict } = entry
  if (approval?.state === 'REJECTED') return step('approval', false, `${rejectedReason(entry)} By ${nameOf(approval.decidedBy!)}, at ${approval.decidedAt}.`)
  if (!needsApproval(verdict, revoked)) return verdict.kind === 'DENY' ? null : step('approval', true, 'It needs no approval.')
  if (approval?.state === 'APPROVED') return step('approval', true, `${nameOf(approval.decidedBy!)} approved it at ${approval.decidedAt}.`)
  const why = [...(revoked ? [restoredReason(revoked)] : []), findings].join(' ').trim()
  if (!approval) return step('approval', false, `Waits for approval. ${why}`)
  const asked = `${nameOf(approval.requestedBy)} asked for it at ${approval.requestedAt}`
  if (isExpired(approval, now)) return step('approval', false, `Nobody decided in time: ${asked}, and it expired at ${approval.expiresAt}. Save the entry again to ask once more. ${why}`)
  return step('approval', false, `Waits for approval. ${why} ${asked}; ${approversOf(entry)} decides, until ${approval.expiresAt}.`)
}

/** What a session needs besides the entry; never a reason to leave the set. */
function needs(entry: JudgedEntry, input: ExplainInput): AvailabilityStep[] {
  if (entry.kind === 'MCP_SERVER') return [...input.secretsOf(entry).map(secretStep), ...toolsStep(input.driftOf(entry))]
  return (entry.definition as AgentDefinition).mcpServers.map((name) => input.hasMcpServer(name)
    ? step('mcpServers', true, `Its MCP server ${name} is available.`)
    : step('mcpServers', false, `It names the MCP server ${name}, which is not available to this owner; it runs without it.`))
}

function toolsStep({ names, isHeld }: ReturnType<ExplainInput['driftOf']>): AvailabilityStep[] {
  if (names.length === 0) return []
  const told = `Not as accepted: ${names.slice(0, 20).map(pinLabel).join(', ')}${names.length > 20 ? ` and ${names.length - 20} more` : ''}.`
  return [step('tools', !isHeld, `${told} ${isHeld ? 'Sessions go without until it is let in with acceptTools.' : 'The policy lets it in.'}`)]
}

function secretStep(standing: StandingReference): AvailabilityStep {
  const { reference: { scope, name, injectionPoint } } = standing
  const needed = `A session needs the secret ${name} of ${scope === 'OWNER' ? "the entry's owner" : 'the person it acts for'}, in ${injectionPoint}.`
  const reason = standingReason(standing)
  return step('secrets', reason === null, `${needed} ${reason ?? 'It is set, and may go there.'}`)
}

/** What workers report of an entry in an owner's sessions; no step where none reported it. */
export function workersStep(states: ReadonlyMap<AppliedState, number>): AvailabilityStep[] {
  if (states.size === 0) return []
  const told = appliedStates.filter((state) => states.has(state)).map((state) => `${state} in ${states.get(state)}`)
  return [step('workers', !failedStates.some((state) => states.has(state)), `Sessions of this owner report it as: ${told.join(', ')}.`)]
}
