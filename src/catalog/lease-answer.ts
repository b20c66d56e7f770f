import { CompactEncrypt, importJWK } from 'jose'
import { type LeaseHeader } from '../core/lease.js'
import { type RecipientKey, unusableKey } from '../core/recipient-key.js'

/**
 * Values for whoever has the private half of the key, as a compact JWE (RFC 7516).
 * @throws CatalogError INVALID_INPUT for a key whose numbers are no point of its curve, or one that leads to no secret of both sides
 */
export async function encryptLease(key: RecipientKey, header: LeaseHeader, values: ReadonlyMap<string, string>): Promise<string> {
  const plaintext = plaintextOf(values)
  try {
    return await new CompactEncrypt(plaintext).setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', ...header }).encrypt(await importJWK(key, 'ECDH-ES'))
  } catch {
    // Nothing but the key comes from outside; what the library says of it is for nobody.
    throw unusableKey()
  } finally {
    plaintext.fill(0)
  }
}

const leastBytes = 512

/** One JSON text, filled up with spaces to a power of two, so that the answer's length says next to nothing of the values'. JSON allows the spaces. */
function plaintextOf(values: ReadonlyMap<string, string>): Uint8Array {
  const text = JSON.stringify(Object.fromEntries(values))
  const bytes = Buffer.byteLength(text)
  const plaintext = Buffer.alloc(Math.max(leastBytes, 2 ** Math.ceil(Math.log2(bytes))), ' ')
  plaintext.write(text)
  return plaintext
}
