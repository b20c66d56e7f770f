import { createKnownValues } from '../core/known-values.js'
import { injectionPoints, type McpTransport } from '../core/mcp-server.js'
import { mask } from '../core/redact.js'
import { hasReference } from '../core/secret-ref.js'

export type Redact = (text: string) => string

/** Shorter values would tear ordinary words apart. */
const shortestSecret = 4
const longestReason = 600

/**
 * Takes every value of headers and environment, the values behind a scheme ("Bearer x" is also x), and the query of the
 * URL out of a text, in every form that known values are found in (those of 4 to 7 characters only as they are), and cuts it to
 * 600 characters. For reasons and logs: upstreams quote what they were sent.
 */
export function createRedactor(transport: McpTransport): Redact {
  // What stands beside a reference is no secret, and what it stands for is not known here.
  const values = injectionPoints(transport).filter(({ value }) => !hasReference(value)).flatMap(({ value }) => [value, ...value.split(/\s+/)])
  if (transport.kind !== 'STDIO') values.push(...queryValues(transport.url))
  const known = createKnownValues()
  for (const value of values) known.add(value)
  const secrets = [...new Set(values)].filter((value) => value.length >= shortestSecret).sort((a, b) => b.length - a.length)
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, mask), known.redact(text)).slice(0, longestReason)
}

function queryValues(url: string): string[] {
  if (!URL.canParse(url)) return []
  const { search, searchParams, username, password } = new URL(url)
  return [search.slice(1), ...searchParams.values(), username, password]
}
