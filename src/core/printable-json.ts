/** Indented JSON with what nobody would see in it as escapes, so that it stays the same JSON when it is read back. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/[^\n\P{C}]|[\p{Zl}\p{Zp}]/gu, (text) => (
    Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')))
}
