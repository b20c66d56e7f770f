/** Credentials that are known by their form, wherever they stand. Each takes time in proportion to the text, whatever the text is. */
const forms = [
  /\bph[tw]_[\w-]{20,}/g,
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g,
  /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,}|hv[sb]\.[\w-]{20,}|AIza[\w-]{30,})/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
  // Between scheme and host of a URL.
  /(?<=\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@]+(?=@)/gi,
]

/** What stands after a word that announces a credential. */
const announced = /\b((?:bearer|basic)\s+|\w{0,40}(?:api[_-]?key|token|secret|password|signature)["']?\s{0,3}[=:]\s{0,3}["']?)([^\s"',;&<>]{6,})/gi

const redacted = '[redacted]'

/**
 * Takes out what looks like a token, a key or a password. The second look: whoever knows the values of a secret takes out those, as
 * the worker does before it reports.
 */
export function redactTokens(text: string): string {
  // A plain word is none: "basic authentication failed", "token: expired".
  return forms.reduce((rest, form) => rest.replaceAll(form, redacted), text)
    .replaceAll(announced, (all, before: string, value: string) => (/[A-Z0-9=]/.test(value) ? `${before}${redacted}` : all))
}
