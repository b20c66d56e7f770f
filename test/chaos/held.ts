import { type JudgedEntry } from '../../src/core/entry.js'
import { type CatalogEvent } from '../support/subscriber.js'

/** What a client holds that applies every event as docs/feed.md says, by kind and name. */
export interface Held {
  entries: Map<string, { id: string; revision: number; digest: string }>
  policyRevision: number
}

export const nothing = (): Held => ({ entries: new Map(), policyRevision: -1 })

/** A snapshot replaces; removals come before upserts. Answers what was removed although it was not held. */
export function apply(held: Held, event: CatalogEvent): string[] {
  if (event.__typename === 'CatalogBookmark') return []
  const strangers: string[] = []
  if (event.__typename === 'CatalogSnapshot') {
    held.entries.clear()
    held.policyRevision = event.policy.revision
  } else {
    held.policyRevision = event.changedPolicy?.revision ?? held.policyRevision
    for (const { kind, name, id } of event.removed) {
      if (held.entries.get(`${kind}:${name}`)?.id === id) held.entries.delete(`${kind}:${name}`)
      else strangers.push(`${kind}:${name} ${id}`)
    }
  }
  const upserted = event.__typename === 'CatalogSnapshot' ? [...event.mcpServers, ...event.agents] : event.upserted
  for (const { kind, name, id, revision, digest } of upserted) held.entries.set(`${kind}:${name}`, { id, revision, digest })
  return strangers
}

type Lines = ReadonlyMap<string, { id: string; revision: number; digest: string }>

/** One line for each name on which the two differ; none when they are the same. */
export function differences(held: Lines, wanted: ReadonlyMap<string, Pick<JudgedEntry, 'id' | 'revision' | 'digest'>>): string[] {
  const lines: string[] = []
  for (const [key, { id, revision, digest }] of held) {
    const one = wanted.get(key)
    if (one === undefined) lines.push(`${key} is held and not in the set (${id}@${revision})`)
    else if (one.id !== id || one.revision !== revision) lines.push(`${key} is held as ${id}@${revision} and is ${one.id}@${one.revision}`)
    else if (one.digest !== digest) lines.push(`${key} has another digest than ${id}@${revision}`)
  }
  for (const [key, { id, revision }] of wanted) if (!held.has(key)) lines.push(`${key} is in the set and not held (${id}@${revision})`)
  return lines
}
