import { createHash } from 'node:crypto'
import { type Entry } from '../core/entry.js'
import { type McpServerDefinition } from '../core/mcp-server.js'
import { type EntryToolPins, type EntryTools, placeText } from '../core/tool-pin.js'
import { type CatalogState } from './state.js'

type Pinned = Pick<Entry, 'id' | 'kind' | 'digest' | 'definition'>

/** Definitions are never altered, and are asked for once for each owner who has them. */
const places = new WeakMap<object, string>()

/** sha-256 (hex) of `placeText`; null: an agent, which has no tools of its own. */
export function placeOf({ kind, definition }: Pick<Entry, 'kind' | 'definition'>): string | null {
  if (kind !== 'MCP_SERVER') return null
  const known = places.get(definition)
  if (known !== undefined) return known
  const place = createHash('sha256').update(placeText(definition as McpServerDefinition)).digest('hex')
  places.set(definition, place)
  return place
}

/** One object for what is the same, since it is rendered once for all owners. */
const moved = new WeakMap<EntryTools, EntryTools>()

function movedTo(tools: EntryTools, digest: string): EntryTools {
  const known = moved.get(tools)
  if (known?.digest === digest) return known
  const made = { ...tools, digest }
  moved.set(tools, made)
  return made
}

/** What is known of an entry's tools as it is now, whichever of its definitions they were seen of first; null: no worker has told yet what there is. */
export function toolsOf({ toolPins }: Pick<CatalogState, 'toolPins'>, entry: Pinned): EntryTools | null {
  const tools = toolPins.get(entry.id)
  if (tools === undefined) return null
  if (tools.digest === entry.digest) return tools
  return tools.place === placeOf(entry) ? movedTo(tools, entry.digest) : null
}

/** What an entry's tools are held to as it is now. */
export function pinsOf(state: Pick<CatalogState, 'toolPins'>, entry: Pinned): EntryToolPins | null {
  return toolsOf(state, entry)
}

/** Names of the tools of an entry that were seen and are not as they were accepted, each once; null: the server's instructions. */
export function driftNames(state: Pick<CatalogState, 'toolPins'>, entry: Pinned): Array<string | null> {
  return [...new Set(toolsOf(state, entry)?.held.map(({ name }) => name))]
}
