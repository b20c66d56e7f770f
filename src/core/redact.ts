/** What is known to be a credential by its form, wherever it stands. The word before it stays, so that a reason can still be understood. */
const forms: Array<[form: RegExp, instead: string]> = [
  [/\b(bearer|basic|token|apikey|api-key)([\s:=]+)[\w.~+/=-]{8,}/gi, '$1$2[redacted]'],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+@/gi, '$1[redacted]@'],
  [/([?&;](?:[\w-]*(?:token|key|secret|password|signature|sig|auth|code))=)[^\s&#;"']+/gi, '$1[redacted]'],
  [/\bph[tw]_[\w-]{20,}/g, '[redacted]'],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[redacted]'],
  [/\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|npm_[A-Za-z0-9]{30,}|hv[sb]\.[\w-]{20,}|AIza[\w-]{30,})/g, '[redacted]'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, '[redacted]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[redacted]'],
]

/**
 * Takes out what looks like a token, a key or a password. The second look: whoever knows the values of a secret takes out those, as
 * the worker does before it reports.
 */
export function redactTokens(text: string): string {
  return forms.reduce((rest, [form, instead]) => rest.replaceAll(form, instead), text)
}
