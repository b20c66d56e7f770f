import { z } from 'zod'
import { freeText, line, parseInput, withinSize } from './parse.js'

/** What `.agent.md` holds. An agent names servers and never embeds them (S12). */
export interface AgentDefinition {
  description: string
  prompt: string
  /** Names of tools; null means that the runtime decides, `[]` means none. */
  tools: string[] | null
  skills: string[]
  /** Names, resolved in the set of whoever runs the agent. */
  mcpServers: string[]
  /** Adds the servers tagged `default: true`. */
  inheritDefaultMcpServers: boolean
  model: string | null
}

const names = (max: number) => z.array(line(200, 1)).max(max, `has more than ${max} items`)
  .refine((list) => new Set(list).size === list.length, 'names one thing twice')

const definitionInput = z.strictObject({
  description: freeText(4000).nullish().transform((text) => text ?? ''),
  prompt: freeText(200_000, 1).refine((text) => text.trim() !== '', 'is empty'),
  tools: names(256).nullish().transform((list) => list ?? null),
  skills: names(64).nullish().transform((list) => list ?? []),
  mcpServers: names(50).nullish().transform((list) => list ?? []),
  inheritDefaultMcpServers: z.boolean().nullish().transform((value) => value ?? false),
  model: line(200, 1).nullish().transform((model) => model ?? null),
})

/** Of the whole canonical text, 256 Ki: the longest prompt and everything else, with room for what JSON escapes. */
const mostCharacters = 262_144

/**
 * Parses the input form into a definition with every default filled in.
 * @throws CatalogError INVALID_INPUT with the field's path; of a definition with more than 262 144 characters in all the path is `prefix`
 */
export function parseAgentDefinition(input: unknown, prefix = 'definition'): AgentDefinition {
  return withinSize(parseInput(definitionInput, input, prefix), mostCharacters, prefix)
}
