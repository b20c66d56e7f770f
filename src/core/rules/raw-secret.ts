import { type McpServerDefinition } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'
import { withoutReferences } from '../secret-ref.js'
import { secretShape } from '../secret-shape.js'

const byReference = 'Store it as a secret, and write ${secret:NAME} or ${user:NAME} here.'
const elsewhere = 'Take it out: secrets go into headers or environment values, as ${secret:NAME} or ${user:NAME}.'

/** Options whose next argument is a credential, however it looks. */
const credentialOption = /^--?(?:[a-z0-9]+[-_])*(?:token|secret|password|passwd|api-?_?key|access-?_?key|credentials?)$/i

/** A scheme and what it vouches with (RFC 9110 section 11.4); a reference in its place leaves nothing behind the scheme. */
const authorization = /^(?:basic|bearer|token|api-?key|negotiate|ntlm)[ \t]+\S{4}/i

/**
 * Values that look like secrets are references, or are not stored at all: definitions are shown, exported, diffed and audited. Judges values
 * and never names (S4).
 */
export const rawSecret: Rule = (subject) => {
  if (subject.kind !== 'MCP_SERVER') return []
  const { transport } = subject.definition as McpServerDefinition
  const path = `definition.transport.${transport.kind.toLowerCase()}`
  const [list, pairs] = transport.kind === 'STDIO' ? ['env', transport.env] as const : ['headers', transport.headers] as const
  const findings = pairs.flatMap(({ name, value }) => {
    const [field, raw] = [`${path}.${list}.${name}`, withoutReferences(value)]
    return list === 'headers' && authorization.test(raw) ? [finding(field, 'credentials', byReference)] : found(field, raw, byReference)
  })
  if (transport.kind !== 'STDIO') return [...findings, ...found(`${path}.url`, decoded(transport.url), elsewhere)]
  const { args } = transport
  return [...findings, ...args.flatMap((arg, at) => {
    const field = `${path}.args.${at}`
    const isNamed = at > 0 && credentialOption.test(args[at - 1]!) && arg.length >= 8 && !arg.startsWith('-')
    return isNamed ? [finding(field, `a credential for ${args[at - 1]}`, elsewhere)] : found(field, arg, elsewhere)
  })]
}

function found(field: string, text: string, mend: string): RuleFinding[] {
  const shape = secretShape(text)
  return shape === null ? [] : [finding(field, shape, mend)]
}

function finding(field: string, shape: string, mend: string): RuleFinding {
  return { rule: 'raw-secret', effect: 'DENY', field, message: `This looks like ${shape}, and definitions are shown to people.`, mend }
}

/** The WHATWG function, present in Node and browsers. */
declare function decodeURIComponent(text: string): string

function decoded(url: string): string {
  try {
    return decodeURIComponent(url)
  } catch {
    return url
  }
}
