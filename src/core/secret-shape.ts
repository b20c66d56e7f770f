import { creator } from '@secretlint/secretlint-rule-preset-recommend'
import { isPlainWord, isRawCredential } from './credential-name.js'
import { tokenIn } from './secret-forms.js'

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

/** Who is told between scheme and host, with what proves it. */
const passwordInAddress = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/?#@:]{0,200}:[^\s/?#@]{1,200}@/i

/** A name that announces a credential, and what follows it. */
const announced = /(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|(?:access|secret|private|account)[_-]?key|credential|(?<![a-z])(?:pass|pat))s?["']?\s{0,3}[=:]\s{0,3}["']?([^\s"',;&]+)/gi

/** A scheme of HTTP's and what vouches for it (RFC 9110 section 11.4), in the midst of a text. */
const vouched = /(?<![\w-])(?:basic|bearer|token|api-?key|jwt|negotiate|ntlm)[ \t:]{1,4}([^\s"',;&]{6,})/gi

/** The same where the header is named: whatever follows the scheme. */
const authorization = /(?<!\w)authorization["']?[ \t]{0,3}[:=][ \t]{0,3}["']?(?:basic|bearer|bot|key|token|api-?key|jwt|negotiate|ntlm|digest)[ \t:]{1,4}[^\s"',;&]{4}/i

/** Secrets Manager's names of secrets are ARNs with `secret:` before what is no secret. */
const secretArn = /\barn:aws[a-z-]{0,20}:secretsmanager:[a-z0-9-]{0,30}:\d{12}:secret:/g

function isAnnounced(given: string): boolean {
  const text = given.replaceAll(secretArn, '')
  if (authorization.test(text)) return true
  for (const [, value] of text.matchAll(announced)) if (isRawCredential(value!, 6) && !isPlainWord(value!)) return true
  for (const [, value] of text.matchAll(vouched)) if (/\d|[a-z][A-Z]|[A-Z]{2}[a-z]|=$/.test(value!) && isRawCredential(value!, 6)) return true
  return false
}

/**
 * What of a text looks like a secret, in words for people; null: nothing does. By forms that say what they are, by a well-kept detector for known
 * tokens, by words that announce a credential, and by chance: long runs of letters and digits that no word has.
 * It judges values and never names; references are no part of what it is given. Takes time in proportion to the text, whatever the text is.
 */
export function secretShape(text: string): string | null {
  const token = tokenIn(text)
  if (token !== null) return token
  if (passwordInAddress.test(text)) return 'a user name and password in an address'
  if (isAnnounced(text)) return 'a credential'
  const secret = text.replaceAll(hosts, hostLess).replaceAll(publicForms, ' ')
  // The detectors cost more than all other rules together, and what people write has no such runs.
  const mayBeToken = secret.match(/[\w-]{16,}/g)?.some((run) => /\d|[a-z][A-Z]/.test(run)) ?? false
  return (mayBeToken ? knownToken(secret) : null) ?? (runsOf(secret).some(isRandom) ? 'a random value' : null)
}

/** Who answers at an address is public; who asks there is not. */
const hosts = /:\/\/([^\s/?#]{1,500})/g
const hostLess = (_: string, authority: string) => `://${authority.slice(0, authority.lastIndexOf('@') + 1)}`

/** Digests name content, UUIDs and ids of clouds name things, fingerprints and addresses are told to everybody, publishable keys and ids of OAuth clients are made for it. */
const publicForms = new RegExp([
  /\bsha(?:1|256|384|512)[:-][0-9A-Za-z+/=]+/, /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/, /(?<![\w-])[a-z]{2,8}-[0-9a-f]{8,17}(?![\w-])/,
  /(?<![\w:])(?:[0-9a-f]{1,4}:){5,31}[0-9a-f]{1,4}(?![\w:])/, /(?<![\w-])pk_(?:test|live)_[A-Za-z0-9]+/,
  /(?<![\w-])\d{6,20}-[a-z0-9]{8,64}\.apps\.googleusercontent\.com(?![\w.-])/,
].map(({ source }) => source).join('|'), 'gi')

function runsOf(text: string): string[] {
  return text.match(/[A-Za-z0-9_+/=.:~-]{20,}/g) ?? []
}

/** What people write: a number, or letters in words, with a short number behind. Chance changes the case more often. */
function isWord(part: string): boolean {
  const letters = part.replace(/\d{1,4}$/, '')
  if (/^\d*$/.test(letters)) return true
  if (!/^[A-Za-z]+$/.test(letters)) return false
  if (letters.length <= 3 && (letters === letters.toLowerCase() || letters === letters.toUpperCase())) return true
  const humps = letters.match(/[a-z][A-Z]/g)?.length ?? 0
  return letters.length / (humps + 1) >= (/^[A-Z]?[a-z]+(?:[A-Z][a-z]+)*$/.test(letters) ? 3 : 3.5)
}

function isRandom(run: string): boolean {
  const rest = run.split(/[-_+/=.:~]/).filter((part) => !isWord(part)).join('')
  if (rest.length < shortest || !/\d/.test(rest) || !/[A-Za-z]/.test(rest)) return false
  // What is joined with dots in small letters is a host, a version or a time, unless one part is random by itself.
  if (/[.:~]/.test(run) && rest === rest.toLowerCase()) return run.split(/[.:~]/).some((part) => part.length >= 20 && isRandom(part))
  return /^[0-9a-f]+$/i.test(rest) ? rest.length >= 32 && entropy(rest) > 3 : entropy(rest) > 3.5
}

/** Shannon's, in bits for each character. */
function entropy(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0)
}
