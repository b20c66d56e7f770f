import { isToolSelected, type ToolSelection } from '../core/mcp-server.js'
import { heldError, ToolCallError } from './errors.js'
import { type HeldBack, heldNote, heldNow, type Listed, listed, listedInstructions, named, type PinGate } from './held-tools.js'
import { type UpstreamTool } from './link.js'
import { tellEach } from './tell-each.js'

/** What one server offers of the tools that it lists, over all its connections; what may be called is worked out in the same place (S28). */
export interface ToolBook {
  /** In the server's order. */
  offered: () => readonly UpstreamTool[]
  /** What the server says of its use; null: nothing, or it is held. */
  instructions: () => string | null
  /** @throws ToolCallError HELD for what is selected and held, else UNKNOWN_TOOL for what is not offered */
  check: (name: string) => void
  /** What is kept back because it is not what was accepted. */
  held: () => HeldBack[]
  /** All that is selected, with the instructions, as the server has it now. */
  seen: () => Array<Listed<UpstreamTool | string>>
  /** What is to be said of tools that are selected and not offered; null: there are none. */
  note: () => string | null
  /** The server's list is this one now. */
  list: (all: readonly UpstreamTool[], instructions?: string | null) => void
  /** The limit, or what is pinned, may be another one now. */
  review: () => void
  /** Told when `offered` answers something else. Returns what ends it. */
  listen: (listener: () => void) => () => void
  /** Told when `held` does. */
  listenHeld: (listener: () => void) => void
}

/**
 * @param most how many tools the server may offer, asked each time: the policy of the moment counts (S19)
 * @param gate what definitions are held to. Default: nothing, as for static servers
 */
export function createToolBook(selection: ToolSelection, most: () => number, gate?: PinGate): ToolBook {
  const [listeners, heldListeners] = [new Set<() => void>(), new Set<() => void>()]
  let selected: Array<Listed<UpstreamTool>> = []
  let said: Listed<string> | null = null
  let [told, toldHeld] = ['[]', '[]']
  const seen = () => (said === null ? selected : [...selected, said])
  const allowed = () => {
    const heldBack = heldNow(gate)
    return selected.flatMap((one) => (heldBack(one) === null ? one.definition : []))
  }
  // The first ones, so that which tools there are does not change by what comes after them.
  const offered = () => allowed().slice(0, most())
  const held = () => {
    const heldBack = heldNow(gate)
    return seen().flatMap((one) => heldBack(one) ?? [])
  }
  const review = () => {
    const [before, beforeHeld] = [told, toldHeld]
    told = JSON.stringify(offered())
    toldHeld = JSON.stringify(held())
    if (told !== before) tellEach(listeners)
    if (toldHeld !== beforeHeld) tellEach(heldListeners)
  }
  return {
    offered, review, held, seen,
    instructions: () => (said === null || heldNow(gate)(said) !== null ? null : said.definition),
    check: (name) => {
      if (offered().some((tool) => tool.name === name)) return
      if (held().some((one) => one.name === name)) throw heldError(name)
      throw new ToolCallError('UNKNOWN_TOOL', `There is no tool ${name}.`)
    },
    note: () => [heldNote(held()), limitNote(allowed(), offered().length)].filter((note) => note !== null).join(' ') || null,
    list: (all, instructions = null) => {
      selected = selectedTools(all, selection).map(listed)
      said = listedInstructions(instructions)
      review()
    },
    listen: (listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    listenHeld: (listener) => { heldListeners.add(listener) },
  }
}

/** A name that is listed twice is one tool, because a call can only name it once: the first (S18). */
export function selectedTools(all: readonly UpstreamTool[], selection: ToolSelection): UpstreamTool[] {
  const first = new Map<string, UpstreamTool>()
  for (const tool of all) if (!first.has(tool.name) && isToolSelected(selection, tool.name)) first.set(tool.name, tool)
  return [...first.values()]
}

function limitNote(allowed: readonly UpstreamTool[], most: number): string | null {
  const withheld = allowed.slice(most).map(({ name }) => name)
  if (withheld.length === 0) return null
  return `Withheld: ${named(withheld)}; ${allowed.length} tools are selected, and the policy lets a server offer ${most}. `
    + 'Select fewer, or ask an admin to raise tools.maxPerMcpServer.'
}
