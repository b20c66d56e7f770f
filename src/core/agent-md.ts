/**
 * Reads `.agent.md` text as PilotSwarm 0.5.42 does. Its front matter looks like YAML and is not: one `key: value` a
 * line, four list keys, four keys that may hold a block scalar, everything else dropped. A real YAML parser would load
 * other things (it cuts comments off, unquotes inline lists, knows `yes`), so this file repeats the reader by hand, and
 * reports what that reader passes over in silence. Held by test/vectors/static-loading.json.
 */

/** The first five are warnings of PilotSwarm's own loader; it is silent about all the others. */
export const agentMdProblemCodes = [
  'missing-schemaVersion', 'missing-version', 'skipped-empty-body', 'skipped-unsupported-schemaVersion',
  'mcp-with-schemaVersion-below-2',
  'agent-fence-open', 'agent-fence-hidden', 'agent-unknown-key', 'agent-model-ignored', 'agent-nested-key', 'agent-name-odd',
  'agent-duplicate-key', 'agent-line-ignored', 'agent-list-item-odd', 'agent-block-scalar-unread', 'agent-value-unread',
] as const

export type AgentMdProblemCode = (typeof agentMdProblemCodes)[number]
/** Shown to people: holds keys and names of the file, never its texts. */
export interface AgentMdProblem { code: AgentMdProblemCode, message: string }

const textKeys = ['name', 'description', 'id', 'title', 'parent', 'splash', 'splashMobile', 'initialPrompt', 'version'] as const
/** `system`: started by workers, never picked by a person. `harvester` is the older word for `crawler`. */
const flagKeys = ['system', 'crawler', 'harvester', 'inheritDefaultMcpServers', 'supportsDirectStart'] as const
/** `mcpServers` names servers; a file never embeds one. */
const listKeys = ['tools', 'skills', 'mcpServers', 'startedBy'] as const
const blockKeys: readonly string[] = ['splash', 'splashMobile', 'initialPrompt', 'description']

type TextKey = (typeof textKeys)[number]
type FlagKey = (typeof flagKeys)[number]
type ListKey = (typeof listKeys)[number]
type Given = Partial<Record<TextKey, string> & Record<FlagKey, boolean> & Record<Exclude<ListKey, 'tools'>, string[]>>

/** What one file gives. Keys that the file does not hold are absent, and so are empty lists. */
export interface AgentMd extends Given {
  name: string
  /** The body, never empty. */
  prompt: string
  /** Null (also for an empty list): the runtime decides. */
  tools: string[] | null
  /** `crawler` and `harvester` always say the same. */
  crawler: boolean
  harvester: boolean
  schemaVersion?: number
}

/** A hostile file of one bad line after another must not become as many problems. */
const maxLineProblems = 50

interface Reading {
  texts: Partial<Record<TextKey, string>>
  flags: Partial<Record<FlagKey, boolean>>
  lists: Partial<Record<ListKey, string[]>>
  schemaVersion?: number
  /** The key that following list items and block lines belong to. */
  key: string
  keysSeen: Set<string>
  /** The open block scalar, if any. */
  block?: { style: string, lines: string[] }
  problems: AgentMdProblem[]
}

function isOneOf<Key extends string>(keys: readonly Key[], key: string): key is Key {
  return (keys as readonly string[]).includes(key)
}

const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)

/**
 * Parses one file.
 * @param fileName base name, e.g. `planner.agent.md`: gives the name where the front matter has none
 * @returns no `agent` when PilotSwarm would skip the file; the problems then say why
 */
export function parseAgentMd(text: string, fileName: string): { agent?: AgentMd, problems: AgentMdProblem[] } {
  const reading: Reading = { texts: {}, flags: {}, lists: {}, key: '', keysSeen: new Set(), problems: [] }
  const body = readFrontMatter(reading, text)
  const { problems, schemaVersion } = reading
  const problem = (code: AgentMdProblemCode, message: string) => problems.push({ code, message })
  if (body.trim() === '') {
    problem('skipped-empty-body', 'The file has no prompt after its front matter, so the agent is not loaded.')
    return { problems }
  }
  if (schemaVersion !== undefined && ![1, 2].includes(schemaVersion)) {
    problem('skipped-unsupported-schemaVersion', `schemaVersion ${schemaVersion} is not 1 or 2, so the agent is not loaded.`)
    return { problems }
  }
  const agent = toAgent(reading, body, fileName)
  if ((agent.mcpServers || agent.inheritDefaultMcpServers) && (schemaVersion ?? 1) < 2) {
    problem('mcp-with-schemaVersion-below-2', 'Without schemaVersion: 2 an older loader drops the MCP servers of this agent.')
  }
  if (schemaVersion === undefined) problem('missing-schemaVersion', 'The front matter has no schemaVersion; 1 is assumed.')
  if (!agent.version) problem('missing-version', 'The front matter has no version.')
  if (!/^[A-Za-z0-9][A-Za-z0-9 _.-]{0,79}$/.test(agent.name)) {
    problem('agent-name-odd', `The agent is called ${shown(agent.name)}, which few parts of a runtime can address.`)
  }
  return { agent, problems }
}

function toAgent({ texts, flags, lists, schemaVersion }: Reading, prompt: string, fileName: string): AgentMd {
  const crawler = flags.crawler === true || flags.harvester === true
  const filled = Object.fromEntries(Object.entries(lists).filter(([, items]) => items.length > 0))
  return {
    ...texts, ...flags, tools: null, ...filled,
    ...(schemaVersion !== undefined && { schemaVersion }),
    name: texts.name || fileName.replace(/\.agent\.md$/, ''), prompt, crawler, harvester: crawler,
  }
}

/** Reads the part between the fences into `reading` and returns the body. Without both fences everything is body. */
function readFrontMatter(reading: Reading, text: string): string {
  const end = text.startsWith('---') ? text.indexOf('\n---', 3) : -1
  if (end === -1) {
    const isHidden = /^\s+---/.test(text)
    if (isHidden) report(reading, 'agent-fence-hidden', 'Something invisible precedes the first ---: all of the file is prompt.')
    else if (text.startsWith('---')) report(reading, 'agent-fence-open', 'No closing --- was found: all of the file is prompt.')
    return text
  }
  for (const line of text.slice(4, end).split('\n')) readLine(reading, line)
  closeBlock(reading)
  return text.slice(end + 4).trimStart()
}

function readLine(reading: Reading, line: string): void {
  const { block, key } = reading
  const endsBlock = /^[a-zA-Z]/.test(line) && line.includes(':')
  if (block && !endsBlock) return void block.lines.push(line.startsWith('  ') ? line.slice(2) : line)
  closeBlock(reading)
  const trimmed = line.trim()
  // Comments go before keys: one that holds a colon would otherwise orphan the list items after it.
  if (trimmed.startsWith('#')) return
  if (trimmed.startsWith('- ') && isOneOf(listKeys, key)) return addItems(reading, key, [unquoted(trimmed.slice(2).trim(), 2)])
  const colon = line.indexOf(':')
  if (colon !== -1) readPair(reading, line.slice(0, colon), unquoted(line.slice(colon + 1).trim(), 1))
  else if (trimmed !== '') report(reading, 'agent-line-ignored', `A line below ${shown(key)} is neither a key nor a list item.`)
}

function readPair(reading: Reading, indentedKey: string, value: string): void {
  const key = indentedKey.trim()
  reading.key = key
  // Indentation means nothing to this reader: a nested `name:` renames the agent.
  if (/^\s/.test(indentedKey)) report(reading, 'agent-nested-key', `${shown(key)} is indented, yet read as a key of the agent itself.`)
  if (reading.keysSeen.has(key)) report(reading, 'agent-duplicate-key', `${shown(key)} stands there twice; the last one counts.`)
  reading.keysSeen.add(key)
  if (blockKeys.includes(key) && (value === '|' || value === '>')) {
    reading.block = { style: value, lines: [] }
    return
  }
  if (/^[|>][+\-0-9]*$/.test(value)) {
    report(reading, 'agent-block-scalar-unread', `${shown(key)} is now ${shown(value)} itself: no block is read here.`)
  }
  if (isOneOf(textKeys, key)) reading.texts[key] = value
  else if (isOneOf(flagKeys, key)) readFlag(reading, key, value)
  else if (isOneOf(listKeys, key)) {
    reading.lists[key] = []
    addItems(reading, key, value.replace(/[[\]]/g, '').split(',').map((item) => item.trim()).filter(Boolean))
  } else if (key === 'schemaVersion') readSchemaVersion(reading, value)
  else if (key === 'model') report(reading, 'agent-model-ignored', 'PilotSwarm does not read "model" from a file; the session decides.')
  else report(reading, 'agent-unknown-key', `${shown(key)} is not a key of an agent, and is dropped.`)
}

function readFlag(reading: Reading, key: FlagKey, value: string): void {
  const isRead = value === 'true' || value === 'false'
  if (!isRead) report(reading, 'agent-value-unread', `${shown(key)} is neither true nor false and has no effect.`)
  // A bare `supportsDirectStart:` stays undeclared, so that its default (depends on startedBy) still applies.
  if (isRead || key !== 'supportsDirectStart') reading.flags[key] = value === 'true'
}

function readSchemaVersion(reading: Reading, value: string): void {
  const version = Number(value)
  if (Number.isFinite(version) && version > 0) reading.schemaVersion = Math.floor(version)
  if (reading.schemaVersion !== version) report(reading, 'agent-value-unread', 'schemaVersion is no whole number above 0.')
}

function addItems(reading: Reading, key: ListKey, items: string[]): void {
  const list = (reading.lists[key] ??= [])
  for (const item of items) {
    list.push(item)
    if (item === '' || /["']|:(\s|$)|\s#/.test(item)) {
      report(reading, 'agent-list-item-odd', `${shown(key)} holds ${shown(item)}: quotes, objects and comments stay as they are.`)
    }
  }
}

function closeBlock(reading: Reading): void {
  const { block, key } = reading
  reading.block = undefined
  if (!block || !isOneOf(textKeys, key)) return
  const text = block.lines.join('\n').trimEnd()
  // A description is one line wherever it is shown, so both styles fold there; splash art never does.
  const folds = key === 'description' || (key === 'initialPrompt' && block.style === '>')
  reading.texts[key] = folds ? text.replace(/\n/g, ' ').trim() : text
}

/** Quotes around the whole; `"` alone is an empty value (PilotSwarm), but an item of a list needs both. */
function unquoted(text: string, minLength: 1 | 2): string {
  const isQuoted = ['"', "'"].some((quote) => text.startsWith(quote) && text.endsWith(quote)) && text.length >= minLength
  return isQuoted ? text.slice(1, -1) : text
}

function report({ problems }: Reading, code: AgentMdProblemCode, message: string): void {
  if (problems.length < maxLineProblems) problems.push({ code, message })
}
