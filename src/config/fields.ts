import { z } from 'zod'

export const httpsUrl = z.string().refine(isHttps, 'must be an https:// URL without user and fragment (http:// on loopback only)')

/** The text itself may be compared with others, so nothing of it is altered. */
function isHttps(text: string): boolean {
  if (/\s/.test(text) || !URL.canParse(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  const isLoopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  return username + password + hash === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback))
}
