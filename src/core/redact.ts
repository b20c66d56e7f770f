import { tokenForms } from './secret-forms.js'

/** What is taken out of a text, though a definition may hold it: whoever is named between scheme and host of a URL. */
const userOfAddress = /(?<=\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@]+(?=@)/gi

/** What stands after a word that announces a credential. */
const announced = /\b((?:bearer|basic)\s+|\w{0,40}(?:api[_-]?key|token|secret|password|signature)["']?\s{0,3}[=:]\s{0,3}["']?)([^\s"',;&<>]{6,})/gi

/** Stands for whatever is taken out, and says nothing of it. */
export const mask = '[redacted]'

/**
 * Takes out what looks like a token, a key or a password. The second look: whoever knows the values of a secret takes out those, as
 * the worker does before it reports.
 */
export function redactTokens(text: string): string {
  // A plain word is none: "basic authentication failed", "token: expired".
  return maskTokens(text).replaceAll(userOfAddress, mask)
    .replaceAll(announced, (all, before: string, value: string) => (/[A-Z0-9=]/.test(value) ? `${before}${mask}` : all))
}

/** Takes out tokens that are known by their form, and leaves everything that people write. */
export function maskTokens(text: string): string {
  return tokenForms.reduce((rest, [form]) => rest.replaceAll(form, mask), text)
}
