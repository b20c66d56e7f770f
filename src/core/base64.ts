const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const sixBits = new Map([...alphabet, '-', '_'].map((letter, index) => [letter, index < 64 ? index : index - 2]))

/** The UTF-8 bytes of a text, one character a byte. Half a surrogate pair becomes U+FFFD, as every encoder has it. */
export function bytesOf(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

/** Standard alphabet, padded. @param bytes one character a byte */
export function encodeBase64(bytes: string): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const three = (bytes.charCodeAt(at) << 16) | ((bytes.charCodeAt(at + 1) || 0) << 8) | (bytes.charCodeAt(at + 2) || 0)
    for (const shift of [18, 12, 6, 0]) text += alphabet[(three >> shift) & 63]!
  }
  const padding = (3 - (bytes.length % 3)) % 3
  return text.slice(0, text.length - padding) + '='.repeat(padding)
}

/** One character a byte; either alphabet, with or without padding, broken into lines or not. null: it is not base64. */
export function decodeBase64(text: string): string | null {
  if (!/^[\w+/\s-]*=*\s*$/.test(text)) return null
  const bytes: string[] = []
  let bits = 0
  let count = 0
  for (const letter of text) {
    const six = sixBits.get(letter)
    if (six === undefined) continue
    bits = ((bits << 6) | six) & 0xffff
    count += 6
    if (count < 8) continue
    count -= 8
    bytes.push(String.fromCharCode((bits >> count) & 255))
  }
  return bytes.join('')
}
