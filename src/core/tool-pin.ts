import { canonicalJson } from './canonical.js'
import { definitionText, visibleText } from './definition-text.js'
import { type McpServerDefinition } from './mcp-server.js'

/** A tool, or with `name: null` what the server says of its own use: what is pinned is whatever a model gets to read of a server. */
export interface ToolPin {
  name: string | null
  /** sha-256 of `pinnedText`, hex. */
  hash: string
}

/** What the definitions of one entry's server are held to, for one digest of the entry. */
export interface EntryToolPins {
  entryId: string
  /** Of the entry's definition; another one begins anew. */
  digest: string
  /** Rises with whatever changes here, over digests too. */
  version: number
  tools: ToolPin[]
}

/** What every node knows of one entry's tools. */
export interface EntryTools extends EntryToolPins {
  /** Of the definition that they were seen of, as `placeOf` in the index has it: while it is the same, an edit moves no pin. */
  place: string
  /** What was seen and differs, the newest last. */
  held: ToolPin[]
}

/** One that was seen, or accepted, as people are shown it. */
export interface SeenTool extends ToolPin {
  /** `toolText`, maybe cut. */
  text: string
}

/** What one server may have seen, pinned or held. Its lists are bounded on the way in; what an attacker adds must not cost more. */
export const pinLimits = {
  tools: 1_024,
  nameCharacters: 200,
  /** Of one text; what has more is cut, and so cannot be accepted. */
  textCharacters: 65_536,
  /** Of all texts of one report together. */
  allCharacters: 524_288,
  held: 200,
  /** Of one definition's canonical text; no model has use for more. */
  definitionCharacters: 262_144,
  /** How far objects and lists of one definition may stand in each other. */
  depth: 64,
}

/** How something differs from what is pinned. What is pinned and not there is no drift: lists differ from user to user. */
export type Drift = 'NEW' | 'CHANGED'

/** null: it is as it is pinned. */
export function driftOf(pins: ReadonlyMap<string | null, string>, { name, hash }: ToolPin): Drift | null {
  const pinned = pins.get(name)
  if (pinned === hash) return null
  return pinned === undefined ? 'NEW' : 'CHANGED'
}

/** Why something that differed does so no more, though nobody accepted it. */
export type Return = 'AS_ACCEPTED' | 'GONE'

/**
 * Whether the server has under that name what is accepted again, or nothing where nothing is.
 * @param seen what it has now
 * @returns null: it differs still, or is missing, which says nothing
 */
export function returnOf(pins: ReadonlyMap<string | null, string>, seen: ReadonlyMap<string | null, string>, { name }: ToolPin): Return | null {
  const [pinned, now] = [pins.get(name), seen.get(name)]
  if (now !== pinned) return null
  return pinned === undefined ? 'GONE' : 'AS_ACCEPTED'
}

export function pinsByName(tools: readonly ToolPin[]): Map<string | null, string> {
  return new Map(tools.map(({ name, hash }) => [name, hash]))
}

/**
 * The one text of a definition for its hash: whole, every field that is handed on and not a list of fields, since whatever is left out is where
 * the next poison goes. The tag keeps a tool from ever having the text of something else.
 * @param definition a tool as it is listed, or the server's instructions
 * @throws TypeError for what has no canonical form, such as a number that is none; RangeError for what is larger or deeper than `pinLimits`: nobody
 * can look at it, and what it costs to compare and show is to have an end
 */
export function pinnedText(definition: object | string): string {
  if (isDeeper(definition, pinLimits.depth)) throw new RangeError(`it is more than ${pinLimits.depth} levels deep`)
  const text = canonicalJson(['pilothouse tool', 1, definition])
  if (text.length > pinLimits.definitionCharacters) throw new RangeError(`it has more than ${pinLimits.definitionCharacters} characters`)
  return text
}

function isDeeper(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false
  return levels === 0 || Object.values(value).some((member) => isDeeper(member, levels - 1))
}

/**
 * What a definition runs or asks, whole: while two have one text, the same server answers them, and what was accepted of it stays what it is held to. Limits
 * and the selection of tools are not of it, or whoever raises a timeout would let in what is held by that, and nobody would have looked.
 */
export function placeText({ transport }: Pick<McpServerDefinition, 'transport'>): string {
  return canonicalJson(['pilothouse tools of', 1, transport])
}

/** Names of other characters can be told apart by nobody, and stored by few: such a tool cannot be pinned, and so is never accepted. */
export function isPinnableName(name: string): boolean {
  return name !== '' && name.length <= pinLimits.nameCharacters && !/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(name)
}

const codePoints = (text: string) => text.replaceAll(/[^ -~]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)

/** A word with letters of Latin and of another script beside each other, which hardly any language has and every look-alike needs. */
function visibleWord(word: string): string {
  return /\p{Script=Latin}/u.test(word) && /(?!\p{Script=Latin})\p{L}/u.test(word) ? codePoints(word) : word
}

/** A definition for people to read and compare: hidden characters are shown as escapes, and so are letters that only look like the Latin ones beside them. */
export function toolText(definition: object | string): string {
  const text = typeof definition === 'string' ? `${definition.split('\n').map(visibleText).join('\n')}\n` : definitionText(definition)
  return text.replaceAll(/\p{L}+/gu, visibleWord)
}

/** The texts of one report, which share what it may hold: short ones are whole, and the long ones get the same of what is left. */
export function cutTexts(texts: readonly string[]): string[] {
  const cut: string[] = []
  let left = pinLimits.allCharacters
  let waiting = texts.length
  for (const [at, text] of [...texts.entries()].sort(([, one], [, other]) => one.length - other.length)) {
    cut[at] = cutText(text, Math.min(pinLimits.textCharacters, Math.floor(left / waiting)))
    left -= cut[at].length
    waiting -= 1
  }
  return cut
}

function cutText(text: string, most: number): string {
  if (text.length <= most) return text
  const told = `\n(cut here: it has ${text.length} characters in all)\n`
  return text.slice(0, Math.max(0, most - told.length)).toWellFormed() + told
}

/** Whether nobody who is shown it sees all of it. */
export function isCut(text: string): boolean {
  return /\n\(cut here: it has \d+ characters in all\)\n$/.test(text)
}

/** How a tool is called in texts for people. */
export function pinLabel(name: string | null): string {
  return name === null ? 'the server\'s instructions' : codePoints(name)
}
