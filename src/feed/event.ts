import { type AgentEntry, type McpServerEntry } from '../core/entry.js'
import { denyingPolicy, type FullPolicyDocument } from '../core/policy-document.js'
import { type TeamPolicy } from '../core/team-policy.js'
import { type EntryToolPins } from '../core/tool-pin.js'
import { trustForMs } from '../core/worker-status.js'
import { type EntrySecretVersion } from '../index/secrets.js'
import { type SetDifference } from '../index/set-difference.js'
import { type CatalogState } from '../index/state.js'

export interface EffectivePolicy {
  revision: number
  /** null: unreadable; a worker must start nothing new. */
  document: FullPolicyDocument | null
}

export interface CatalogSnapshot {
  __typename: 'CatalogSnapshot'
  cursor: string
  trustForSeconds: number
  policy: EffectivePolicy
  /** Of every team that owns an entry here and has a policy. */
  teamPolicies: TeamPolicy[]
  /** Of every entry with references to secrets. */
  secretVersions: EntrySecretVersion[]
  /** Of every entry whose tools are pinned. */
  toolPins: EntryToolPins[]
  mcpServers: McpServerEntry[]
  agents: AgentEntry[]
}

export interface CatalogDelta extends SetDifference {
  __typename: 'CatalogDelta'
  cursor: string
  trustForSeconds: number
  /** Only when it changed. */
  policy: EffectivePolicy | null
}

export interface CatalogBookmark {
  __typename: 'CatalogBookmark'
  cursor: string
  trustForSeconds: number
}

/** Told to a worker, and no event of the catalog: this probe waits for somebody to take it. */
export interface ProbeOffer {
  __typename: 'ProbeOffer'
  id: string
}

/** State, never instructions: every event may be applied twice, or late, and does no harm (F5). */
export type CatalogEvent = CatalogSnapshot | CatalogDelta | CatalogBookmark

/**
 * Seconds that a worker trusts what it has without hearing from us; counted by the worker from receipt on its
 * monotonic clock. After that it stops catalog entries by itself. The policy says so, and never more than receipts reckon with (`trustForMs`).
 */
export function trustForSeconds({ policy }: Pick<CatalogState, 'policy'>): number {
  return Math.min((policy.document ?? denyingPolicy).staleAfterSeconds, trustForMs / 1_000)
}

/** Equal differences of different owners share one execution and one encoding; this key tells them apart. */
export function differenceKey({ upserted, removed, secretVersions, toolPins, teamPolicies }: SetDifference): string {
  return JSON.stringify([
    secretVersions.map(({ entryId, version }) => [entryId, version]),
    toolPins.map(({ entryId, version }) => [entryId, version]),
    teamPolicies.map(({ teamId, revision }) => [teamId, revision]),
    upserted.map(({ id, revision }) => [id, revision]),
    removed.map(({ id, name, revision, reason, mode, deadlineSeconds }) => [id, name, revision, reason, mode, deadlineSeconds]),
  ])
}
