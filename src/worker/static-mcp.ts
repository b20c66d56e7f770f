import { dirname, isAbsolute, resolve } from 'node:path'
import { readContained, serverPathProblem } from './static-contained.js'
import { type CopyNotes, copyJson, isObject, parseJson, readText, type Report, shown, type StaticProblemCode } from './static-files.js'

/** One MCP server of the base layer. */
export interface StaticServer {
  name: string
  /** Exactly what PilotSwarm would hand to the runtime: expanded, not validated, unknown keys included. May hold secrets. */
  config: Record<string, unknown>
  /** Path of the file it came from, or 'inline'. */
  origin: string
}

/** What `${WORD}` expands from. */
export type StaticEnv = Readonly<Record<string, string | undefined>>

/** PilotSwarm's types; the runtime knows more (see `runtimeKeys`), everything else is a typing mistake or a wish. */
const valueTypes: Readonly<Record<string, { is: string, holds: (value: unknown) => boolean }>> = {
  type: { is: 'a text', holds: isText },
  command: { is: 'a text', holds: isText },
  args: { is: 'a list of texts', holds: isTextList },
  tools: { is: 'a list of texts', holds: isTextList },
  env: { is: 'an object of texts', holds: isTextRecord },
  headers: { is: 'an object of texts', holds: isTextRecord },
  cwd: { is: 'a text', holds: isText },
  url: { is: 'a text', holds: isText },
  timeout: { is: 'a number of milliseconds', holds: (value) => typeof value === 'number' && value >= 0 },
  default: { is: 'true or false', holds: (value) => typeof value === 'boolean' },
}

/** Passed on by the Copilot SDK without a type of its own (1.0.14), so nothing to complain about. */
const runtimeKeys: readonly string[] = [
  'displayName', 'excludeTools', 'deferTools', 'disableToolCache', 'disableSecretMasking', 'workingDirectory',
  'headersRefreshTtlMs', 'oauthClientId', 'oauthPublicClient', 'oauthGrantType', 'auth', 'oidc',
]

/**
 * Reads one `.mcp.json` as PilotSwarm 0.5.42 does: plain JSON, a flat object of server name -> config, `${WORD}` expanded
 * in every text value, `cwd` of stdio servers anchored to the file's folder, nothing validated but that a plugin's paths stay
 * in its folder (S16). The `default` tag stays.
 * @param shape FLAT for a plugin's file, where a wrapper `mcpServers` loads as one useless server; ANY also unwraps it
 * @returns the servers in file order; none when the file is missing or refused
 */
export function readMcpJson(path: string, env: StaticEnv, report: Report, shape: 'FLAT' | 'ANY' = 'FLAT'): StaticServer[] {
  const folder = dirname(path)
  const text = shape === 'FLAT' ? readContained(folder, path, report) : readText(path, report, { codeWhenMissing: 'mcp-json-missing' })
  if (text === undefined) return []
  const parsed = parseJson(text)
  if ('mistake' in parsed) {
    report('mcp-json-parse-error', parsed.mistake, path)
    return []
  }
  if (!isObject(parsed.value) || Array.isArray(parsed.value)) {
    report('mcp-json-root-not-object', 'The file must hold one object of server names and configurations.', path)
    return []
  }
  const servers: StaticServer[] = []
  for (const [name, value] of Object.entries(shape === 'ANY' ? unwrapped(parsed.value, path, report) : parsed.value)) {
    const server = readServer(name, value, path, report, expander(env))
    if (server === undefined) continue
    // PilotSwarm fails here inside its one try block, and with it goes the whole file.
    const { cwd: given } = server.config
    if (!anchorCwd(server.config, folder)) {
      report('server-cwd-not-text', `The cwd of ${shown(name)} is no text, so no server of this file is loaded.`, path)
      return []
    }
    const { command, cwd } = server.config
    const problem = shape === 'FLAT' && isText(command) && isText(cwd) ? serverPathProblem(folder, command, given, cwd) : null
    if (problem === null) servers.push(server)
    else report(problem.code, `${shown(name)} is not loaded: ${problem.reason}.`, path)
  }
  return servers
}

/**
 * Reads the inline option: PilotSwarm neither expands it nor anchors a `cwd`.
 * @returns for each name its server, or undefined where the value is none (which still replaces an earlier source)
 */
export function readInlineServers(inline: Record<string, unknown>, report: Report): Array<[name: string, StaticServer | undefined]> {
  return Object.entries(inline).map(([name, value]) => [name, readServer(name, value, 'inline', report, verbatim())])
}

interface TextMap { map: (text: string) => string, unset: Set<string>, left: Set<string> }

function expander(env: StaticEnv): TextMap {
  const unset = new Set<string>()
  const left = new Set<string>()
  const map = (text: string) => {
    noteLeftSyntax(text.replace(/\$\{\w+\}/g, ' '), left)
    return text.replace(/\$\{(\w+)\}/g, (_, word: string) => {
      // Own keys only: ${constructor} is no variable of anybody's environment.
      const value = Object.hasOwn(env, word) ? env[word] : undefined
      if (value === undefined) unset.add(word)
      return value ?? ''
    })
  }
  return { map, unset, left }
}

function verbatim(): TextMap {
  const left = new Set<string>()
  return { map: (text) => (noteLeftSyntax(text, left), text), unset: new Set(), left }
}

/** `$NAME`, `${NAME:-x}`, `${env:NAME}`, `${input:x}`: not this loader's, but perhaps the runtime's or another tool's. */
function noteLeftSyntax(text: string, left: Set<string>): void {
  if (text.includes('${')) left.add('${…}')
  if (/\$[A-Za-z_]/.test(text)) left.add('$NAME')
}

function readServer(name: string, value: unknown, origin: string, report: Report, text: TextMap): StaticServer | undefined {
  const refuse = (code: StaticProblemCode, reason: string) => {
    report(code, `${shown(name)} is not loaded: ${reason}.`, origin)
    return undefined
  }
  if (!isObject(value)) return refuse('server-not-object', 'its configuration is no object')
  // In PilotSwarm too a server of this name never arrives, because assigning it sets a prototype.
  if (name === '__proto__') return refuse('server-name-refused', 'no server can have this name')
  const notes: CopyNotes = { hasRefusedKey: false, isTooDeep: false }
  const config = copyJson(value, text.map, notes)
  if (notes.isTooDeep || !isObject(config)) return refuse('server-too-deep', 'its configuration is nested too deeply')
  const tell = (code: StaticProblemCode, message: string) => { report(code, `${shown(name)}: ${message}.`, origin) }
  if (notes.hasRefusedKey) tell('server-key-refused', 'a key __proto__ was dropped')
  for (const word of text.unset) tell('env-unset', `\${${word.slice(0, 80)}} is not set and became an empty text`)
  for (const syntax of text.left) tell('env-syntax-left', `${syntax} stays as it is written; a runtime may expand it by itself`)
  inspectServer(name, config, tell)
  return { name, config, origin }
}

/** @returns false for a cwd that cannot be anchored */
function anchorCwd(config: Record<string, unknown>, folder: string): boolean {
  if (typeof config.command !== 'string') return true
  const { cwd } = config
  if (!cwd) config.cwd = folder
  else if (!isText(cwd)) return false
  // An absolute one stays letter for letter, not normalised.
  else if (!isAbsolute(cwd)) config.cwd = resolve(folder, cwd)
  return true
}

type Tell = (code: StaticProblemCode, message: string) => void

/** Everything that loads and yet cannot work, or does not do what its writer must have meant. */
function inspectServer(name: string, config: Record<string, unknown>, tell: Tell): void {
  // The runtime reduces names to these characters: "a.b" and "a b" collide, and one of them vanishes.
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/.test(name)) tell('server-name-odd', 'the name should be 1 to 40 of A-Z a-z 0-9 _ -')
  if (isWrapper(name, config)) {
    tell('mcp-json-wrapped', 'the wrapper is not opened and loads as one server that cannot start; write its servers at the top level')
    return
  }
  if (Array.isArray(config)) {
    tell('server-is-list', 'a list is loaded as if it were a server')
    return
  }
  inspectTarget(config, tell)
  for (const [key, value] of Object.entries(config)) {
    const expected = Object.hasOwn(valueTypes, key) ? valueTypes[key] : undefined
    if (key === 'enabled' || key === 'disabled') tell('server-enabled-ignored', `${key} has no meaning here; the server is loaded`)
    else if (expected && !expected.holds(value)) tell('server-value-type', `${key} is not ${expected.is}`)
    else if (!expected && !runtimeKeys.includes(key)) tell('server-unknown-key', `${shown(key)} is not a known key; it is passed on`)
  }
}

function inspectTarget({ command, url, type }: Record<string, unknown>, tell: Tell): void {
  const hasCommand = isText(command) && command !== ''
  const hasUrl = isText(url) && url !== ''
  const isStdio = type === undefined || type === 'stdio' || type === 'local'
  const isRemote = type === 'http' || type === 'sse'
  if (!hasCommand && !hasUrl) tell('server-without-target', 'there is neither a command nor a url')
  else if (hasCommand && hasUrl) tell('server-with-two-targets', 'there is both a command and a url')
  else if (hasUrl && type === undefined) tell('server-type-missing', 'a url needs a type, http or sse; none is assumed')
  else if (hasUrl ? isStdio : isRemote) tell('server-type-mismatch', `the type does not fit a ${hasUrl ? 'url' : 'command'}`)
  if (!isStdio && !isRemote) tell('server-type-unknown', 'the type is none of stdio, local, http and sse')
}

function isWrapper(name: string, value: unknown): value is Record<string, unknown> {
  return name === 'mcpServers' && isObject(value) && !Array.isArray(value) && !isText(value.command) && !isText(value.url)
}

function unwrapped(root: Record<string, unknown>, path: string, report: Report): Record<string, unknown> {
  const { mcpServers: inner, ...beside } = root
  if (!isWrapper('mcpServers', inner)) return root
  for (const key of Object.keys(beside)) report('mcp-json-beside-wrapper', `${shown(key)} stands beside mcpServers and is not read.`, path)
  return inner
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}

function isTextRecord(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value) && Object.values(value).every(isText)
}
