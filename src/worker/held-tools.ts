import { type Drift, driftOf, pinLabel, type ToolPin } from '../core/tool-pin.js'
import { type UpstreamTool } from './link.js'
import { toolHash } from './tool-hash.js'

/** What the definitions of an entry's tools are held to. */
export interface PinGate {
  /** By name, null for the server's instructions. Null: nobody knows yet, so nothing is offered. */
  pins: () => ReadonlyMap<string | null, string> | null
  /** Whether what differs is kept from the session; asked each time: the policy of the moment counts (S19). */
  holds: () => boolean
}

/** Something that is not offered, and why. UNKNOWN: nothing is pinned yet. */
export interface HeldBack {
  name: string | null
  why: Drift | 'UNKNOWN' | 'UNPINNABLE'
}

/** A definition with what it is pinned by; without a hash it cannot be. */
export interface Listed<Definition> {
  name: string | null
  hash: string | null
  definition: Definition
}

export function listed(tool: UpstreamTool): Listed<UpstreamTool> {
  return { name: tool.name, hash: toolHash(tool.name, tool), definition: tool }
}

export function listedInstructions(instructions: string | null): Listed<string> | null {
  return instructions === null || instructions === '' ? null : { name: null, hash: toolHash(null, instructions), definition: instructions }
}

/**
 * Judges by what holds at this moment. The one place that decides (S28).
 * @returns what answers null for what was accepted, and for everything where nothing is held
 */
export function heldNow(gate: PinGate | undefined): (one: Listed<unknown>) => HeldBack | null {
  if (gate === undefined || !gate.holds()) return () => null
  const pins = gate.pins()
  return ({ name, hash }) => {
    if (hash === null) return { name, why: 'UNPINNABLE' }
    if (pins === null) return { name, why: 'UNKNOWN' }
    const why = driftOf(pins, { name, hash })
    return why === null ? null : { name, why }
  }
}

export function isPinned(one: Listed<unknown>): one is Listed<UpstreamTool | string> & ToolPin {
  return one.hash !== null
}

/** As many names as anybody reads. */
const mostNames = 5

export function named(names: readonly string[]): string {
  const rest = names.length > mostNames ? ` and ${names.length - mostNames} more` : ''
  return `${names.slice(0, mostNames).join(', ')}${rest}`
}

const words = { NEW: 'new', CHANGED: 'changed', UNPINNABLE: 'not to be pinned' }

/** What is to be said of what is held back; null: nothing is. */
export function heldNote(all: readonly HeldBack[]): string | null {
  if (all.some(({ why }) => why === 'UNKNOWN')) return 'Withheld until the catalog has taken the first inventory of its tools: they are pinned by that.'
  if (all.length === 0) return null
  const told = all.map(({ name, why }) => `${pinLabel(name)} (${words[why as keyof typeof words]})`)
  return `Held: ${named(told)}; what was accepted is something else. Look at them, and accept what is right.`
}
