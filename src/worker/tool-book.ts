import { isToolSelected, type ToolSelection } from '../core/mcp-server.js'
import { ToolCallError } from './errors.js'
import { type UpstreamTool } from './link.js'
import { tellEach } from './tell-each.js'

/** What one server offers of the tools that it lists, over all its connections; what may be called is worked out in the same place (S28). */
export interface ToolBook {
  /** In the server's order. */
  offered: () => readonly UpstreamTool[]
  /** @throws ToolCallError UNKNOWN_TOOL for what is not offered */
  check: (name: string) => void
  /** What is to be said of tools that are selected and not offered; null: there are none. */
  note: () => string | null
  /** The server's list is this one now. */
  list: (all: readonly UpstreamTool[]) => void
  /** The limit may be another one now. */
  review: () => void
  /** Told when `offered` answers something else. Returns what ends it. */
  listen: (listener: () => void) => () => void
}

/** @param most how many tools the server may offer, asked each time: the policy of the moment counts (S19) */
export function createToolBook(selection: ToolSelection, most: () => number): ToolBook {
  const listeners = new Set<() => void>()
  let selected: UpstreamTool[] = []
  let told = '[]'
  // The first ones, so that which tools there are does not change by what comes after them.
  const offered = () => (selected.length > most() ? selected.slice(0, most()) : selected)
  const review = () => {
    const now = JSON.stringify(offered())
    if (now === told) return
    told = now
    tellEach(listeners)
  }
  return {
    offered, review,
    check: (name) => {
      if (!offered().some((tool) => tool.name === name)) throw new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name}.`)
    },
    note: () => limitNote(selected, offered().length),
    list: (all) => {
      selected = selectedTools(all, selection)
      review()
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
  }
}

/** A name that is listed twice is one tool, because a call can only name it once: the first (S18). */
export function selectedTools(all: readonly UpstreamTool[], selection: ToolSelection): UpstreamTool[] {
  const first = new Map<string, UpstreamTool>()
  for (const tool of all) if (!first.has(tool.name) && isToolSelected(selection, tool.name)) first.set(tool.name, tool)
  return [...first.values()]
}

/** As many names as anybody reads. */
const mostNames = 5

function limitNote(selected: readonly UpstreamTool[], most: number): string | null {
  const withheld = selected.slice(most).map(({ name }) => name)
  if (withheld.length === 0) return null
  const rest = withheld.length > mostNames ? ` and ${withheld.length - mostNames} more` : ''
  return `Withheld: ${withheld.slice(0, mostNames).join(', ')}${rest}; ${selected.length} tools are selected, and the policy lets a server offer ${most}. `
    + 'Select fewer, or ask an admin to raise tools.maxPerMcpServer.'
}
