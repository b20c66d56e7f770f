import { type Definition, type Entry, type EntryKind, isRevoked, type Revoked } from './entry.js'
import { type McpServerDefinition } from './mcp-server.js'
import { isSameOwner, type OwnerRef } from './owner.js'
import { type RuleFinding } from './policy.js'

/** The WHATWG parser, present in Node and browsers; declared here because `core` is checked without either's types. */
declare const URL: { new (text: string): { protocol: string; hostname: string; port: string } }

/** What a revoked entry, alive or a tombstone, keeps its owner from saving again. */
export interface Block {
  entryId: string
  name: string
  owner: OwnerRef
  revoked: Revoked
}

/**
 * Where an MCP server is reached, whatever else is set: scheme, host and port of a URL, or the command line. null for agents, and for
 * a URL that policy denies anyway.
 */
export function targetOf(kind: EntryKind, definition: Definition): string | null {
  if (kind !== 'MCP_SERVER') return null
  const { transport } = definition as McpServerDefinition
  if (transport.kind === 'STDIO') return JSON.stringify([transport.command, ...transport.args])
  try {
    const { protocol, hostname, port } = new URL(transport.url)
    // A name with and without its last dot is one host.
    return `${protocol}//${hostname.replace(/\.$/, '')}${port === '' ? '' : `:${port}`}`
  } catch {
    return null
  }
}

/** The block that an entry would run into if it were saved as it is. Its own counts too; what is refused outright comes first. */
export function blockOn(entry: Pick<Entry, 'kind' | 'owner' | 'definition' | 'digest'>, blocks: Iterable<Block>): Block | null {
  const target = targetOf(entry.kind, entry.definition)
  const hits = [...blocks].filter(({ owner, revoked }) => (
    isSameOwner(owner, entry.owner) && (revoked.digest === entry.digest || (target !== null && revoked.target === target))))
  return hits.find(isRevoked) ?? hits[0] ?? null
}

/** It denies what is revoked still; what was restored since has to be approved. */
export function blockFinding({ kind, definition }: Pick<Entry, 'kind' | 'definition'>, block: Block): RuleFinding {
  const { entryId, name } = block
  const transport = kind === 'MCP_SERVER' ? (definition as McpServerDefinition).transport : null
  const [field, what] = transport === null ? ['definition', 'This definition']
    : transport.kind === 'STDIO' ? ['definition.transport.stdio.command', 'This command line'] : [`definition.transport.${transport.kind.toLowerCase()}.url`, 'This server']
  if (!isRevoked(block)) {
    return {
      rule: 'revoked', effect: 'NEEDS_APPROVAL', field, message: `${what} was revoked with the entry ${name}, and restored since: it waits for approval under any name.`,
      mend: `Have the entry ${entryId} approved, or use something else.`,
    }
  }
  return {
    rule: 'revoked', effect: 'DENY', field, message: `${what} was revoked with the entry ${name}, and is refused under any name.`,
    mend: `Restore ${name} (${entryId}) and have it approved, or use something else.`,
  }
}
