import { expect, it } from 'vitest'
import { type CatalogError } from '../../src/core/errors.js'
import { parseRecipientKey } from '../../src/core/recipient-key.js'

const x = '0P2mU3xKn2PVmJwhHhLJpYVsbx7kVmWMHkxQTGqR7xU'
const ec = { kty: 'EC', crv: 'P-256', x, y: x }
const okp = { kty: 'OKP', crv: 'X25519', x }

it.each([
  ['P-256', ec], ['X25519', okp],
  ['as WebCrypto exports it', { ...ec, ext: true, key_ops: [] }], ['as tools write it', { ...okp, kid: 'k1', alg: 'ECDH-ES', use: 'enc' }],
])('is taken: %s', (_, key) => expect(parseRecipientKey(key)).toEqual(key.kty === 'EC' ? ec : okp))

it.each<[string, unknown]>([
  ['nothing', null], ['left out', undefined], ['a text', 'key'], ['a number', 1], ['a list', [ec]], ['an empty object', {}],
  ['a JWK as a text', JSON.stringify(ec)], ['a set of keys', { keys: [ec] }], ['a private P-256 key', { ...ec, d: x }], ['a private X25519 key', { ...okp, d: x }],
  ['a symmetric key', { kty: 'oct', k: x }], ['RSA', { kty: 'RSA', n: x, e: 'AQAB' }], ['another curve of EC', { ...ec, crv: 'secp256k1' }], ['P-384', { ...ec, crv: 'P-384' }],
  ['a curve for signing', { ...okp, crv: 'Ed25519' }], ['X448', { ...okp, crv: 'X448' }], ['the type of one and the curve of the other', { ...okp, kty: 'EC' }],
  ['X25519 with y', { ...okp, y: x }], ['P-256 without y', { kty: 'EC', crv: 'P-256', x }], ['a short x', { ...okp, x: 'AA' }], ['a long x', { ...okp, x: `${x}AA` }],
  ['padding', { ...okp, x: `${x}=` }], ['plain base64', { ...okp, x: x.replace('0', '+') }], ['bits to spare that are set', { ...okp, x: `${x.slice(0, -1)}B` }],
  ['x of megabytes', { ...okp, x: 'A'.repeat(5_000_000) }], ['a member of its own', { ...ec, value: 'canary' }], ['a long kid', { ...ec, kid: 'k'.repeat(201) }],
  ['a key for signing', { ...ec, use: 'sig' }], ['another algorithm', { ...ec, alg: 'ECDH-ES+A256KW' }], ['operations', { ...ec, key_ops: ['deriveBits'] }],
  ['a certificate', { ...ec, x5c: ['MII'] }], ['an address', { ...ec, x5u: 'https://example.com' }], ['__proto__', JSON.parse(`{"__proto__": ${JSON.stringify(ec)}}`)],
])('is refused: %s', (_, key) => {
  let refused: CatalogError | null = null
  try {
    parseRecipientKey(key)
  } catch (error) {
    refused = error as CatalogError
  }
  expect(refused).toMatchObject({ code: 'INVALID_INPUT', details: { field: 'recipientKey' } })
  // Whatever was sent may be a private key.
  expect(JSON.stringify([refused!.message, refused!.details])).not.toMatch(/0P2m|canary/)
})
