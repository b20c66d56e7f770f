import { creator } from '@secretlint/secretlint-rule-preset-recommend'

/** What this file uses of a secretlint rule; its own types live in a package that is not published with it. */
interface Detector {
  meta: { id: string; type: string }
  create?: (context: DetectorContext, options: object) => { file?: (source: DetectorSource) => unknown }
}
interface DetectorContext {
  createTranslator: (messages: object) => (messageId: string) => { messageId: string }
  report: (descriptor: { message: { messageId: string } }) => void
  ignore: () => void
}
interface DetectorSource { content: string; filePath: string; contentType: 'text'; ext: string; hasBOM: boolean }

/** Characters: shorter than what chance makes to be kept secret. */
const shortest = 16

/** Filled while the detectors run: they tell what they find instead of answering. */
let told: string[] = []

const { rules } = creator as unknown as { rules: readonly Detector[] }
const detectors = rules
  .filter(({ meta, create }) => meta.type === 'scanner' && create !== undefined && !meta.id.endsWith('filter-comments'))
  .map(({ create }) => create!({
    createTranslator: () => (messageId) => ({ messageId }), ignore: () => {}, report: ({ message }) => { told.push(message.messageId) },
  }, {}))

/** A known token in it, named in words ("github token"); null: none. */
function knownToken(text: string): string | null {
  told = []
  for (const detector of detectors) detector.file?.({ content: text, filePath: 'value', contentType: 'text', ext: '', hasBOM: false })
  const [first] = told
  return first === undefined ? null : first.toLowerCase().replaceAll('_', ' ')
}

/** Forms that say themselves what they are. Each is linear: no run is tried twice. */
const forms: ReadonlyArray<[form: RegExp, what: string]> = [
  [/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/, 'a private key'],
  [/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/?#@:]{0,200}:[^\s/?#@]{1,200}@/i, 'a user name and password in an address'],
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/, 'a JSON web token'],
  [/\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b/, 'an AWS access key'],
  [/\bAIza[\w-]{35}/, 'a Google API key'],
  [/\b(?:sk|pk|rk|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abeoprs]|hf|npm|dapi|hvs|shpat|lin_api|secret|phu|phw)[_-][A-Za-z0-9_-]{16,}/, 'a token'],
  [/(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|credential)s?["']?\s*[=:]\s*["']?(?!\d+\b)[^\s"',;&]{6}/i, 'a credential'],
]

/**
 * What of a text looks like a secret, in words for people; null: nothing does. By a well-kept detector for known tokens, by forms that
 * say what they are, and by chance: long runs of letters and digits that no word has.
 * It judges values and never names; references are no part of what it is given.
 */
export function secretShape(text: string): string | null {
  const form = forms.find(([pattern]) => pattern.test(text))
  if (form !== undefined) return form[1]
  // The detectors cost more than all other rules together, and what people write has no such runs.
  const mayBeToken = text.match(/[\w-]{16,}/g)?.some((run) => /\d|[a-z][A-Z]/.test(run)) ?? false
  return (mayBeToken ? knownToken(text) : null) ?? (runsOf(text).some(isRandom) ? 'a random value' : null)
}

/** Digests name content, and UUIDs name things: neither is kept secret. */
const publicForms = /\b(?:sha(?:1|256|384|512)[:-][0-9A-Za-z+/=]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/gi

function runsOf(text: string): string[] {
  return text.replaceAll(publicForms, ' ').match(/[A-Za-z0-9_+/=-]{20,}/g) ?? []
}

/** What people write: a number, or letters in words, with a short number behind. Chance changes the case more often. */
function isWord(part: string): boolean {
  const letters = part.replace(/\d{1,4}$/, '')
  if (/^\d*$/.test(letters)) return true
  const humps = letters.match(/[a-z][A-Z]/g)?.length ?? 0
  return /^[A-Za-z]+$/.test(letters) && letters.length / (humps + 1) >= 3.5
}

function isRandom(run: string): boolean {
  const rest = run.split(/[-_+/=]/).filter((part) => !isWord(part)).join('')
  if (rest.length < shortest || !/\d/.test(rest) || !/[A-Za-z]/.test(rest)) return false
  return /^[0-9a-f]+$/i.test(rest) ? rest.length >= 32 && entropy(rest) > 3 : entropy(rest) > 3.5
}

/** Shannon's, in bits for each character. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0)
}
