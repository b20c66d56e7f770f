import { type SessionAgent } from './adapter.js'
import { type SessionOwner } from './pilotswarm-owner.js'

/** One copy of an agent in PilotSwarm's lookup of prompts (`AgentCopyEntry` in session-manager.ts). */
export interface AgentCopy {
  prompt: string
  kind: string
  /** Null or missing: an agent of the deployment. */
  packageId?: string
  /** `user`: for its owner alone. */
  packageScope?: 'shared' | 'user'
  packageOwner?: SessionOwner | null
}

/** The copy by default, and every copy where there are several; PilotSwarm picks one for each session's owner. */
export type AgentPrompt = AgentCopy & { copies?: AgentCopy[] }
export type PromptLookup = Record<string, AgentPrompt>

/** What one session brings to the lookup. */
export interface OwnedAgents {
  owner: SessionOwner
  agents: readonly SessionAgent[]
}

/** Begins the package id of every copy that is the catalog's; PilotSwarm's own are UUIDs. */
const ownPackage = 'pilothouse:'

const isOurs = ({ packageId }: AgentCopy) => packageId?.startsWith(ownPackage) === true
const isOf = (owner: SessionOwner, { packageOwner }: AgentCopy) => packageOwner?.provider === owner.provider && packageOwner.subject === owner.subject
const copiesOf = (prompt: AgentPrompt): AgentCopy[] => (prompt.copies !== undefined && prompt.copies.length > 0 ? prompt.copies : [prompt])

/** Names of agents that PilotSwarm itself has for that owner: those of the deployment, shared ones, and the owner's own. */
export function namesOfHost(lookup: PromptLookup, owner: SessionOwner): Set<string> {
  const isForOwner = (copy: AgentCopy) => !isOurs(copy) && (copy.packageScope !== 'user' || isOf(owner, copy))
  return new Set(Object.keys(lookup).filter((name) => copiesOf(lookup[name]!).some(isForOwner)))
}

/**
 * Brings the catalog's part of the lookup to what the open sessions have: a copy for each agent and owner, which PilotSwarm
 * gives to that owner's sessions alone, the newest revision of several. Copies that are not the catalog's stay as they are, and
 * before it; PilotSwarm empties the lookup when packages change, so this runs before every turn too.
 */
export function writeAgents(lookup: PromptLookup, sessions: Iterable<OwnedAgents>): void {
  const wanted = copiesByName(sessions)
  for (const name of new Set([...Object.keys(lookup), ...wanted.keys()])) {
    // A name may be that of something every object has.
    const held = Object.hasOwn(lookup, name) ? lookup[name] : undefined
    const host = held === undefined ? [] : copiesOf(held).filter((copy) => !isOurs(copy))
    const own = wanted.get(name) ?? []
    // What PilotSwarm wrote, and nothing of the catalog concerns, is not touched.
    if (own.length === 0 && (held === undefined || host.length === copiesOf(held).length)) continue
    const copies = [...host, ...own]
    const [first] = copies
    if (first === undefined) delete lookup[name]
    else lookup[name] = copies.length === 1 && host.length === 1 ? { ...first } : { ...defaultOf(held, first), copies }
  }
}

/** PilotSwarm's choice by default stays what it was. */
function defaultOf(held: AgentPrompt | undefined, first: AgentCopy): AgentCopy {
  if (held === undefined || isOurs(held)) return first
  const { copies: _copies, ...copy } = held
  return copy
}

function copiesByName(sessions: Iterable<OwnedAgents>): Map<string, AgentCopy[]> {
  const newest = new Map<string, { owner: SessionOwner; agent: SessionAgent }>()
  for (const { owner, agents } of sessions) {
    for (const agent of agents) {
      const key = JSON.stringify([agent.name, owner.provider, owner.subject])
      const held = newest.get(key)
      if (held === undefined || (held.agent.revision ?? 0) < (agent.revision ?? 0)) newest.set(key, { owner, agent })
    }
  }
  const byName = new Map<string, AgentCopy[]>()
  for (const { owner: { provider, subject }, agent: { name, entryId, definition } } of newest.values()) {
    const copy: AgentCopy = {
      prompt: definition.prompt, kind: 'app-agent', packageId: `${ownPackage}${entryId}`, packageScope: 'user', packageOwner: { provider, subject },
    }
    byName.set(name, [...byName.get(name) ?? [], copy])
  }
  return byName
}
