import { type KnownValues } from '../core/known-values.js'
import { ToolCallError } from './errors.js'
import { type Link } from './link.js'
import { type Offers } from './offers.js'

/** What a thing is asked for by: what is not told whole cannot be had, and what cannot be had is not listed (S28). */
const handles = { TOOLS: 'name', PROMPTS: 'name', RESOURCES: 'uri', TEMPLATES: 'uriTemplate' } as const

/**
 * A connection whose every word goes through `known` before anybody gets it: what it lists, results, progress, errors and what the server says of its
 * use. Servers echo their headers and print their environment, and runtimes write what they are told to disk (S14).
 */
export function redactedLink(link: Link, known: KnownValues): Link {
  return {
    ...link,
    instructions: link.instructions === null ? null : known.redact(link.instructions),
    list: async (kind) => (await link.list(kind)).map((one) => [one, known.redactDeep(one)] as const)
      .filter(([before, after]) => handleOf(kind, before) === handleOf(kind, after)).map(([, after]) => after),
    request: async (method, params, { onProgress, ...limits }) => {
      const told = onProgress === undefined ? {} : { onProgress: (progress: Parameters<typeof onProgress>[0]) => onProgress(known.redactDeep(progress)) }
      try {
        return known.redactDeep(await link.request(method, params, { ...limits, ...told }))
      } catch (error) {
        throw error instanceof ToolCallError ? new ToolCallError(error.code, known.redact(error.message), error.rpcCode) : error
      }
    },
  }
}

function handleOf(kind: keyof Offers, one: object): unknown {
  return (one as Record<string, unknown>)[handles[kind]]
}
