import { type AgentDefinition } from '../agent.js'
import { isCredentialName, isPlainWord, isRawCredential } from '../credential-name.js'
import { type McpServerDefinition, type RemoteTransport, type StdioTransport } from '../mcp-server.js'
import { type Rule, type RuleFinding } from '../policy.js'
import { tokenIn } from '../secret-forms.js'
import { referencesIn, withoutReferences } from '../secret-ref.js'
import { secretShape } from '../secret-shape.js'

const byReference = 'Store it as a secret, and write ${secret:NAME} or ${user:NAME} here.'
const byHeader = 'Take it out of the URL: send it in a header, as ${secret:NAME} or ${user:NAME}.'
const byVariable = 'Most servers read it from an environment variable, too: put it there as ${secret:NAME} or ${user:NAME}.'
const elsewhere = 'Take it out: secrets go into headers or environment values, as ${secret:NAME} or ${user:NAME}.'

/**
 * Values that look like secrets are references, or are not stored at all: definitions are shown, exported, diffed and audited. Names of variables
 * and headers are never judged by what they mean (S4); a token that is known by its form is found in every string.
 */
export const rawSecret: Rule = (subject) => {
  const named: Strings = [['name', subject.name]]
  if (subject.kind === 'AGENT') return tokensOf([...named, ...agentStrings(subject.definition as AgentDefinition)])
  const definition = subject.definition as McpServerDefinition
  const { transport } = definition
  const path = `definition.transport.${transport.kind.toLowerCase()}`
  return [...tokensOf([...named, ...serverStrings(definition, path)]), ...(transport.kind === 'STDIO' ? ofProcess(transport, path) : ofRemote(transport, path))]
}

function ofProcess({ args, env }: StdioTransport, path: string): RuleFinding[] {
  return [
    ...env.flatMap(({ name, value }) => inReferences(`${path}.env.${name}`, value) ?? found(`${path}.env.${name}`, withoutReferences(value), byReference)),
    ...args.flatMap((arg, at) => ofArgument(`${path}.args.${at}`, arg, args[at - 1] ?? '')),
  ]
}

/** A revision of git's, which names content. It is left a value, for whoever calls it a token. */
const revision = /(?<![\w-])[0-9a-f]{40}(?![\w-])/g

function ofArgument(field: string, arg: string, before: string): RuleFinding[] {
  const isOption = /^--?[A-Za-z]/.test(before) && !before.includes('=')
  if (isOption && isCredentialName(before) && !arg.startsWith('-') && isGiven(arg)) return [finding(field, `a credential for ${before}`, byVariable)]
  const at = arg.slice(0, 200).indexOf('=')
  if (at > 0 && isCredentialName(arg.slice(0, at)) && isGiven(arg.slice(at + 1))) return [finding(field, 'a credential', byVariable)]
  return found(field, arg.replaceAll(revision, 'revision-1a'), byVariable)
}

/** An argument is no prose, so a long word is a password; a short one may say where to look (`prompt`, `stdin`). */
function isGiven(value: string): boolean {
  return isRawCredential(value, 4) && (value.length >= 8 || !isPlainWord(value))
}

function ofRemote({ url, headers }: RemoteTransport, path: string): RuleFinding[] {
  return [
    ...headers.flatMap(({ name, value }) => {
      const inReference = inReferences(`${path}.headers.${name}`, value)
      if (inReference !== null) return inReference
      const [field, raw] = [`${path}.headers.${name}`, withoutReferences(value.replaceAll(beforeReference, ' '))]
      return /authorization$/i.test(name) && isVouched(raw) ? [finding(field, 'credentials', byReference)] : found(field, raw, byReference)
    }),
    ...ofUrl(`${path}.url`, url),
  ]
}

/** A token where the name of a secret belongs; null: none. */
function inReferences(field: string, value: string): RuleFinding[] | null {
  const token = referencesIn(value, '').map(({ name }) => tokenIn(name)).find((found) => found !== null)
  return token === undefined ? null : [finding(field, token, 'Set the token as a secret, under a name, and write that name here.')]
}

/** The name of a parameter whose value is a reference. */
const beforeReference = /(?<![\w-])[\w-]{1,40}=["']?(?=\$\{)/g

/** Whether something stands behind the scheme, or without one (RFC 9110 section 11.6.2); a reference in its place leaves nothing. */
function isVouched(raw: string): boolean {
  const parts = raw.split(/[\s:,]+/).filter((part) => part !== '')
  return parts.length > 1 ? parts.slice(1).some((part) => part.length >= 4) : !/^[A-Za-z-]{0,20}$/.test(parts[0] ?? '')
}

/** What is called so in a query is often a credential, and often none. */
const maybeCredential = /(?:^|[^a-z])(?:key|auth|code|access|sig|signature|session|sid)$/i

/** Whether a parameter of a query gives a credential. */
function asksWithCredential(text: string): boolean {
  return text.split(/[?&;#]/).slice(1).some((pair) => {
    const at = pair.indexOf('=')
    const [name, value] = at < 0 ? ['', ''] : [pair.slice(0, at), pair.slice(at + 1)]
    return isCredentialName(name) ? isRawCredential(value, 4) : maybeCredential.test(name) && isRawCredential(value, 8) && /\d/.test(value)
  })
}

function ofUrl(field: string, url: string): RuleFinding[] {
  const [, address = '', rest = ''] = /^([a-z][a-z0-9+.-]{0,20}:[\\/]{0,2}[^/?#\\]*)?([^]*)$/i.exec(url) ?? []
  const text = decoded(rest)
  if (asksWithCredential(text)) return [finding(field, 'a credential', byHeader)]
  const inAddress = address.includes('@') ? found(field, decoded(address), byHeader) : []
  return inAddress.length > 0 ? inAddress : found(field, text, byHeader)
}

/** Rounds: what a proxy and a server behind it take off, and then some. */
const mostRounds = 8

/** With every escape of an ASCII character taken off by itself, so that one that is wrong hides no other, and again for those that were escaped. */
function decoded(text: string): string {
  let [rest, before] = [text, '']
  for (let round = 0; round < mostRounds && rest !== before; round++) {
    before = rest
    rest = rest.replaceAll(/%([0-7][0-9a-f])/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
  }
  return rest
}

type Strings = ReadonlyArray<readonly [field: string, text: string]>

const listed = (field: string, texts: readonly string[] | null): Strings => (texts ?? []).map((text, at) => [`${field}.${at}`, text])

/** Those that are judged by nothing else here. */
function serverStrings({ description, tools, transport }: McpServerDefinition, path: string): Strings {
  const own: Strings = transport.kind === 'STDIO'
    ? [[`${path}.command`, transport.command], [`${path}.cwd`, transport.cwd ?? ''], ...transport.env.map(({ name }) => [`${path}.env`, name] as const)]
    : transport.headers.map(({ name }) => [`${path}.headers`, name] as const)
  return [['definition.description', description], ...listed('definition.tools.include', tools.include), ...listed('definition.tools.exclude', tools.exclude), ...own]
}

function agentStrings({ description, prompt, tools, skills, mcpServers, model }: AgentDefinition): Strings {
  return [
    ['definition.description', description], ['definition.prompt', prompt], ['definition.model', model ?? ''],
    ...listed('definition.tools', tools), ...listed('definition.skills', skills), ...listed('definition.mcpServers', mcpServers),
  ]
}

/** What people write holds words about credentials and random names, so only known tokens count. */
function tokensOf(strings: Strings): RuleFinding[] {
  return strings.flatMap(([field, text]) => {
    const token = tokenIn(text)
    return token === null ? [] : [finding(field, token, elsewhere)]
  })
}

function found(field: string, text: string, mend: string): RuleFinding[] {
  const shape = text.includes('://') && text.includes('?') && asksWithCredential(decoded(text)) ? 'a credential' : secretShape(text)
  return shape === null ? [] : [finding(field, shape, mend)]
}

function finding(field: string, shape: string, mend: string): RuleFinding {
  return { rule: 'raw-secret', effect: 'DENY', field, message: `This looks like ${shape}, and definitions are shown to people.`, mend }
}
