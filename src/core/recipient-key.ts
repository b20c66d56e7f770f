import { z } from 'zod'
import { invalid } from './errors.js'

/** A public key that a lease is encrypted to, as a JWK (RFC 7517). */
export type RecipientKey = { kty: 'EC'; crv: 'P-256'; x: string; y: string } | { kty: 'OKP'; crv: 'X25519'; x: string }

/** 32 bytes in base64url: the last of 43 characters has two bits to spare, which are 0. */
const coordinate = z.string().regex(/^[\w-]{42}[AEIMQUYcgkosw048]$/)

/** What exported keys have besides; it says nothing that the curve does not. */
const decoration = {
  kid: z.string().max(200).optional(), alg: z.literal('ECDH-ES').optional(), use: z.literal('enc').optional(), ext: z.boolean().optional(), key_ops: z.array(z.never()).optional(),
}

const jwk = z.union([
  z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate, ...decoration }),
  z.strictObject({ kty: z.literal('OKP'), crv: z.literal('X25519'), x: coordinate, ...decoration }),
])

/**
 * Whether its numbers are a point of the curve is found out when something is encrypted to it.
 * @throws CatalogError INVALID_INPUT (`recipientKey`) for everything else, a private key among it; it repeats nothing of what was sent
 */
export function parseRecipientKey(value: unknown): RecipientKey {
  const parsed = jwk.safeParse(value)
  if (!parsed.success) throw unusableKey()
  const { data } = parsed
  return data.kty === 'EC' ? { kty: 'EC', crv: 'P-256', x: data.x, y: data.y } : { kty: 'OKP', crv: 'X25519', x: data.x }
}

export function unusableKey() {
  return invalid('recipientKey', 'This is no public key that a lease can be encrypted to.', (
    'Send a public JWK of a P-256 key (kty EC: crv, x and y) or of an X25519 key (kty OKP: crv and x), without its private member d.'))
}
