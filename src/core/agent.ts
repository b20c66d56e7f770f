import { z } from 'zod'
import { freeText, line, parseInput } from './parse.js'

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

/**
 * Parses the input form into a definition with every default filled in.
 * @throws CatalogError INVALID_INPUT with the field's path
 */
export function parseAgentDefinition(input: unknown, prefix = 'definition'): AgentDefinition {
  return parseInput(definitionInput, input, prefix)
}
