/** What a credential is called, as the last word of a name. */
const words = new Set(['token', 'secret', 'password', 'passwd', 'pass', 'pwd', 'passphrase', 'passcode', 'apikey', 'accesskey', 'secretkey', 'privatekey', 'authkey', 'credential', 'credentials', 'bearer', 'cookie', 'pat', 'jwt'])

/** Before `key`: what makes of it one that is kept secret. */
const secretKeys = new Set(['api', 'access', 'secret', 'private', 'auth', 'signing', 'encryption', 'master', 'shared', 'account', 'service', 'license', 'admin', 'app'])

/** What begins the name of a switch, which takes nothing. */
const switches = new Set(['no', 'without', 'skip', 'disable'])

/** Whether a name of an option, a variable or a parameter says that a credential follows: `--clientSecret`, `DB_PASS`, `api-key`. Compares whole words. */
export function isCredentialName(name: string): boolean {
  if (name.length > 200) return isCredentialName(name.slice(-200))
  const parts = name.replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2').toLowerCase().split(/[^a-z0-9]+/).filter((part) => part !== '')
  const last = parts.at(-1) ?? ''
  return !switches.has(parts[0] ?? '') && (words.has(last) || (last === 'key' && secretKeys.has(parts.at(-2) ?? '')))
}

/** What says where a credential lies, or nothing at all: a path, an address, the name of a variable, a gap to fill, a short number, a switch. */
const placeholder = /^(?:\.{0,2}\/[\w./-]*|~\/[\w./-]*|[a-z]{2,8}:\/[^@]*|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|<[\w .-]+>|\{[\w .-]+\}|\d{0,7}|true|false|null|none)$/

/** Whether a value is taken for what its name announces. A plain word is no credential where a text may be prose. */
export function isRawCredential(value: string, least: number): boolean {
  return value.length >= least && !placeholder.test(value)
}

/** A word as prose has it. */
export function isPlainWord(value: string): boolean {
  return /^[A-Za-z]?[a-z]*[.!?]?$/.test(value)
}
