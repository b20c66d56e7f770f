import { z } from 'zod'
import { CatalogError, invalid } from './errors.js'
import { type PrincipalRef } from './owner.js'
import { line, parseInput } from './parse.js'
import { maskTokens } from './redact.js'
import { driftOf, type EntryToolPins, type EntryTools, isCut, isPinnableName, pinLabel, pinLimits, pinsByName, type Return, returnOf, type SeenTool, type ToolPin } from './tool-pin.js'

export type PinnedTool = SeenTool

/** Something that differs from what is pinned, as it was last seen. */
export interface HeldTool extends SeenTool {
  /** ISO time. */
  seenAt: string
  seenBy: PrincipalRef
}

/** What is known of one entry's tools, for one place (`placeText`). */
export interface ToolInventory extends Omit<EntryTools, 'tools' | 'held'> {
  pinned: PinnedTool[]
  /** The newest last. */
  held: HeldTool[]
  /** Of the first inventory; ISO time. */
  seenAt: string
  seenBy: PrincipalRef
}

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'is not a sha-256 in hexadecimal digits')
const name = z.string().refine(isPinnableName, `has no characters, more than ${pinLimits.nameCharacters}, or one that nobody sees`).nullish().transform((given) => given ?? null)
const hidden = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
/** Workers send it visible and redacted already; whatever is still hidden, or looks like a token, is neither stored nor shown as it is. */
const text = z.string().max(pinLimits.textCharacters, `has more than ${pinLimits.textCharacters} characters`)
  .transform((given) => maskTokens(given.toWellFormed().replaceAll(hidden, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)))
const seenSchema = z.array(z.object({ name, hash, text }))
const returnedSchema = z.array(z.object({ name, hash })).max(pinLimits.held, `names more than ${pinLimits.held}`)

export interface SeenToolInput {
  name?: string | null
  hash: string
  text: string
}

/**
 * What a worker says it saw.
 * @throws CatalogError INVALID_INPUT, also for a name that is there twice; LIMIT_EXCEEDED
 */
export function parseSeenTools(digest: string, tools: SeenToolInput[]): { digest: string; seen: SeenTool[] } {
  requireAtMost(tools.length, pinLimits.tools, 'tools')
  requireAtMost(tools.reduce((sum, { text: each }) => sum + each.length, 0), pinLimits.allCharacters, 'characters of texts')
  const seen = parseInput(seenSchema, tools, 'tools')
  if (pinsByName(seen).size < seen.length) throw invalid('tools', 'A tool is named twice.', 'Name each once: of those that are listed twice, the first.')
  return { digest: parseInput(line(100, 1), digest, 'digest'), seen }
}

/**
 * What a worker says that it told to differ, and sees no more.
 * @throws CatalogError INVALID_INPUT
 */
export function parseReturned(tools: Array<{ name?: string | null; hash: string }>): ToolPin[] {
  return parseInput(returnedSchema, tools, 'returned')
}

function requireAtMost(given: number, most: number, noun: string): void {
  if (given <= most) return
  throw new CatalogError('LIMIT_EXCEEDED', `There are ${given} ${noun}, and at most ${most} are kept.`, { field: 'tools', mend: 'Select fewer tools of that server in its entry.' })
}

const bare = (tools: readonly ToolPin[]): ToolPin[] => tools.map(({ name: each, hash: of }) => ({ name: each, hash: of }))

export function pinsIn({ pinned, entryId, digest, version }: ToolInventory): EntryToolPins {
  return { entryId, digest, version, tools: bare(pinned) }
}

/** As every node is told. */
export function toolsIn(inventory: ToolInventory): EntryTools {
  return { ...pinsIn(inventory), place: inventory.place, held: bare(inventory.held) }
}

/** Those that differ from what is pinned. */
export function driftIn(pinned: readonly ToolPin[], seen: readonly SeenTool[]): SeenTool[] {
  const pins = pinsByName(pinned)
  return seen.filter((tool) => driftOf(pins, tool) !== null)
}

const isSame = (one: ToolPin, other: ToolPin) => one.name === other.name && one.hash === other.hash

/** As many definitions of one name as are kept: a server that never says the same twice pushes out no other tool. */
const mostOfOneName = 3

/**
 * What is held once these were seen to differ, bounded; what is seen again keeps the time of the first. Only a text that was cut gives way to a whole one, so that
 * it can be accepted once its server has fewer other tools.
 * @returns the same list when there is nothing new: seeing the same thing twice is nothing (S27)
 */
export function heldAfter(held: readonly HeldTool[], drift: readonly SeenTool[], seenAt: string, seenBy: PrincipalRef): readonly HeldTool[] {
  const fresh = drift.flatMap((tool): HeldTool[] => {
    const known = held.find((one) => isSame(one, tool))
    return known !== undefined && (isCut(tool.text) || !isCut(known.text)) ? [] : [{ ...tool, seenAt: known?.seenAt ?? seenAt, seenBy }]
  })
  if (fresh.length === 0) return held
  const all = [...held.filter((known) => !fresh.some((tool) => isSame(known, tool))), ...fresh]
  const counts = new Map<string | null, number>()
  const kept: HeldTool[] = []
  let characters = 0
  for (const tool of all.reverse()) {
    const count = (counts.get(tool.name) ?? 0) + 1
    counts.set(tool.name, count)
    characters += tool.text.length
    if (count <= mostOfOneName && kept.length < pinLimits.held && characters <= pinLimits.allCharacters) kept.push(tool)
  }
  return kept.reverse()
}

/** Of what is held: what is over, by the word of whoever told of it and by what was seen now. */
export function returnedFrom({ pinned, held }: ToolInventory, said: readonly ToolPin[], seen: readonly SeenTool[]): Array<{ tool: HeldTool; reason: Return }> {
  const [pins, now] = [pinsByName(pinned), pinsByName(seen)]
  return held.flatMap((tool) => {
    const reason = said.some((one) => isSame(one, tool)) ? returnOf(pins, now, tool) : null
    return reason === null ? [] : [{ tool, reason }]
  })
}

/**
 * The inventory with some of what is held let in. What is accepted replaces what was pinned under the name, and everything else that was held under it.
 * @returns null when all of it is pinned already
 * @throws CatalogError INVALID_INPUT for what is not held, since something else may be by now, and for what nobody was shown whole; LIMIT_EXCEEDED
 */
export function accepted(inventory: ToolInventory, chosen: readonly ToolPin[]): ToolInventory | null {
  const { pinned, held, version } = inventory
  const pins = pinsByName(pinned)
  const open = chosen.filter((tool) => driftOf(pins, tool) !== null)
  if (open.length === 0) return null
  const come = open.map((tool) => {
    const found = held.find((each) => isSame(each, tool))
    if (found !== undefined && !isCut(found.text)) return found
    if (found !== undefined) {
      throw invalid('tools', `The definition of ${pinLabel(tool.name)} is too long to be shown whole, and nobody accepts what they cannot see.`,
        'Have it made shorter by its server; or select fewer tools of that server in its entry, or all but this one.')
    }
    throw invalid('tools', `Nothing of that hash is held for ${pinLabel(tool.name)}.`, 'Look at the inventory again: what is held may be something else by now.')
  })
  const names = new Set(come.map((tool) => tool.name))
  if (names.size < come.length) throw invalid('tools', 'A tool is named twice.', 'Accept one definition of each.')
  const next = [...pinned.filter((tool) => !names.has(tool.name)), ...come.map(({ name: each, hash: of, text: told }) => ({ name: each, hash: of, text: told }))]
  requireAtMost(next.length, pinLimits.tools, 'tools')
  return { ...inventory, version: version + 1, pinned: next, held: held.filter((tool) => !names.has(tool.name)) }
}
