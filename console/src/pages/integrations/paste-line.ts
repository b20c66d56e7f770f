type JsonObject = Record<string, unknown>

/** One server out of a line, as a `.mcp.json` would have it; `name` is missing where the line has none. */
export interface LineServer extends JsonObject {
  name?: string
}

/** A part of a word: in quotes, or bare. A backslash before a letter is one of Windows, and no shell's. */
const piece = /'([^']*)'|"((?:[^"\\]|\\[^])*)"|\\([\s'"\\$|&;<>`()])|([|&;<>`()]|\$\()|([^\s'"|&;<>`()]+?(?=[\s'"\\$|&;<>`()]|$))/y

/**
 * The words of one command line, as a shell reads them, without anything being filled in or run.
 * @returns null where a quote is not closed, or where it is more than one command
 */
export function wordsOf(line: string): string[] | null {
  const words: string[] = []
  let word: string | null = null
  for (let at = 0; at < line.length;) {
    if (/\s/.test(line[at]!)) {
      if (word !== null) words.push(word)
      word = null
      at += 1
      continue
    }
    piece.lastIndex = at
    const found = piece.exec(line)
    if (found === null || found[4] !== undefined) return null
    const [all, single, double, escaped, bare] = [found[0], found[1], found[2], found[3], found[5]]
    word = (word ?? '') + (single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? bare ?? '')
    at += all.length
  }
  return word === null ? words : [...words, word]
}

/** Longer is no line that somebody would type. */
const mostCharacters = 20_000

const isUrl = (word: string | undefined) => /^https?:\/\/\S+$/i.test(word ?? '')

/** Options of `… mcp add` and its like that a word follows. */
const optionOf: Record<string, 'type' | 'env' | 'header' | 'url' | 'none'> = {
  '-t': 'type', '--transport': 'type', '--type': 'type', '-e': 'env', '--env': 'env', '-H': 'header', '--header': 'header', '--url': 'url', '-s': 'none', '--scope': 'none',
}

/**
 * What one line says of a server: its URL; the command that starts it, with variables before it; or how an agent's own command line is told of it
 * (`claude mcp add …`, `codex mcp add …`, `code --add-mcp '{…}'`).
 * @returns null: it says nothing of one
 */
export function serverOfLine(text: string): LineServer | null {
  if (text.length > mostCharacters) return null
  const line = text.replace(/\\\r?\n/g, ' ').trim().replace(/^[$>] /, '')
  if (line.includes('\n')) return null
  if (isUrl(line)) return { url: line }
  if (/^[{["]/.test(line)) return null
  const words = wordsOf(line)
  // One word could be anything, a secret too.
  if (words === null || words.length < 2) return null
  const verb = words.findIndex((word, at) => at > 0 && at < 4 && /^(?:add|add-json|--add-mcp)$/.test(word) && (word === '--add-mcp' || words[at - 1] === 'mcp'))
  return verb === -1 ? serverOfCommand(words) : serverOfAdd(words.slice(verb + 1))
}

function serverOfCommand(words: readonly string[]): LineServer | null {
  const begin = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word))
  const [command, ...args] = begin === -1 ? [] : words.slice(begin)
  // A sentence, or the line of a file of another kind.
  if (command === undefined || !/^[\w@.~/\\:-]*\w$/.test(command) || args[0] === '=') return null
  return { command, args, ...(begin > 0 && { env: Object.fromEntries(words.slice(0, begin).map((word) => parted(word, '='))) }) }
}

function serverOfAdd(words: readonly string[]): LineServer | null {
  const plain: string[] = []
  const [env, headers]: [string[], string[]] = [[], []]
  let [type, url]: [string | undefined, string | undefined] = [undefined, undefined]
  let at = 0
  // Once the command has begun, options are its own.
  for (; at < words.length && words[at] !== '--' && !(plain.length === 2 && !isUrl(plain[1])); at++) {
    const [option, inWord] = words[at]!.startsWith('--') ? parted(words[at]!, '=') : [words[at]!, '']
    if (!option.startsWith('-')) {
      plain.push(words[at]!)
      continue
    }
    const meaning = optionOf[option]
    if (meaning === undefined) continue
    const value = inWord === '' ? words[++at] ?? '' : inWord
    if (meaning === 'type') type = value
    if (meaning === 'url') url = value
    if (meaning === 'env') env.push(value)
    if (meaning === 'header') headers.push(value)
  }
  const [name, second] = plain
  const json = [name, second].map(objectOf).find((one) => one !== undefined)
  if (json !== undefined) return name !== undefined && objectOf(name) === undefined ? { name, ...json } : json
  const target = url ?? (isUrl(second) ? second : undefined)
  const transport = type === undefined ? {} : { type }
  if (target !== undefined) return { name, ...transport, url: target, ...(headers.length > 0 && { headers: Object.fromEntries(headers.map((each) => parted(each, ':'))) }) }
  const [command, ...args] = [...plain.slice(1), ...words.slice(words[at] === '--' ? at + 1 : at)]
  return command === undefined ? null : { name, ...transport, command, args, ...(env.length > 0 && { env: Object.fromEntries(env.map((each) => parted(each, '='))) }) }
}

function parted(text: string, by: string): [name: string, value: string] {
  const at = text.indexOf(by)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length).trim()]
}

function objectOf(word: string | undefined): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(word ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as JsonObject : undefined
  } catch {
    return undefined
  }
}
