import { canonicalJson } from './canonical.js'
import { definitionText, visibleText } from './definition-text.js'

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

/** One that was seen, or accepted, as people are shown it. */
export interface SeenTool extends ToolPin {
  /** `toolText`, maybe cut. */
  text: string
}

/** What one server may have seen, pinned or held. Its lists are bounded on the way in; what an attacker adds must not cost more. */
export const pinLimits = {
  tools: 1_024,
  nameCharacters: 200,
  textCharacters: 16_384,
  /** Of all texts of one report together. */
  allCharacters: 524_288,
  held: 200,
}

/** How something differs from what is pinned. What is pinned and not there is no drift: lists differ from user to user. */
export type Drift = 'NEW' | 'CHANGED'

/** null: it is as it is pinned. */
export function driftOf(pins: ReadonlyMap<string | null, string>, { name, hash }: ToolPin): Drift | null {
  const pinned = pins.get(name)
  if (pinned === hash) return null
  return pinned === undefined ? 'NEW' : 'CHANGED'
}

export function pinsByName(tools: readonly ToolPin[]): Map<string | null, string> {
  return new Map(tools.map(({ name, hash }) => [name, hash]))
}

/**
 * The one text of a definition for its hash: whole, every field that is handed on and not a list of fields, since whatever is left out is where
 * the next poison goes. The tag keeps a tool from ever having the text of something else.
 * @param definition a tool as it is listed, or the server's instructions
 * @throws TypeError for what has no canonical form, such as a number that is none
 */
export function pinnedText(definition: object | string): string {
  return canonicalJson(['pilothouse tool', 1, definition])
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

/** @param count how many texts there are beside it, which share what one report may hold */
export function cutText(text: string, count: number): string {
  const most = Math.min(pinLimits.textCharacters, Math.floor(pinLimits.allCharacters / Math.max(1, count)))
  if (text.length <= most) return text
  const told = `\n(cut here: it has ${text.length} characters in all)\n`
  return text.slice(0, Math.max(0, most - told.length)).toWellFormed() + told
}

/** How a tool is called in texts for people. */
export function pinLabel(name: string | null): string {
  return name === null ? 'the server\'s instructions' : codePoints(name)
}
