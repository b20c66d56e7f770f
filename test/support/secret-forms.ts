const hex = (text: string) => Buffer.from(text).toString('hex')
const escaped = (text: string) => JSON.stringify(text).slice(1, -1)
const unicode = (text: string) => text.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
const percent = (text: string) => hex(text).replaceAll(/../g, '%$&')
const form = (text: string) => new URLSearchParams({ q: text }).toString().slice(2)
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** What a text may have become before somebody shows it, by name. */
export const secretForms: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'JSON': escaped,
  'JSON in JSON': (text) => escaped(escaped(text)),
  'JSON with / escaped': (text) => escaped(text).replaceAll('/', '\\/'),
  'JSON of ASCII': (text) => escaped(text).replaceAll(/[^ -~]/g, unicode),
  'JSON of nothing but \\u': unicode,
  'JSON with upper case \\u': (text) => unicode(text).replaceAll(/[0-9a-f]{4}/g, (digits) => digits.toUpperCase()),
  '\\u in JSON': (text) => escaped(unicode(text)),
  'URL-encoded': encodeURIComponent,
  'URL-encoded in lower case': (text) => encodeURIComponent(text).replaceAll(/%../g, (byte) => byte.toLowerCase()),
  'percent-encoded': percent,
  'percent-encoded in upper case': (text) => percent(text).toUpperCase(),
  'URL-encoded twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'a form field': form,
  'URL-encoded JSON': (text) => encodeURIComponent(escaped(text)),
  'JSON of a form field': (text) => escaped(form(text)),
  'hex': hex,
  'hex in upper case': (text) => hex(text).toUpperCase(),
  'base64': base64,
  'base64 without padding': (text) => base64(text).replaceAll('=', ''),
  'base64url': (text) => Buffer.from(text).toString('base64url'),
  'base64 after one byte': (text) => base64(`:${text}`),
  'base64 after two': (text) => base64(`u:${text}`),
  'base64 amid others': (text) => base64(`user:${text}\n`),
  'base64url amid others': (text) => Buffer.from(`é${text}!?`).toString('base64url'),
  'base64 of JSON': (text) => base64(JSON.stringify({ a: text })),
  'base64 of a URL': (text) => base64(`?a=${encodeURIComponent(text)}&`),
  'base64 in lines': (text) => base64(`${'.'.repeat(45)}${text}`).replaceAll(/.{64}(?=.)/g, '$&\r\n'),
  'base64 in lines in JSON': (text) => escaped(base64(`${'.'.repeat(48)}${text}`).replaceAll(/.{64}(?=.)/g, '$&\n')),
  'URL-encoded base64': (text) => encodeURIComponent(base64(`ÿÿ${text}`)),
  'base64 in JSON with / escaped': (text) => base64(`ÿÿ${text}`).replaceAll('/', '\\/'),
}
