import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { canonicalJson } from '../core/canonical.js'
import { type SecretPlace } from './provider.js'

/**
 * A value under a data key of its own, and that key under the key-encryption key; both AES-256-GCM, with nonces of their own. Each of the two
 * texts is base64 of nonce (12 bytes), ciphertext and tag (16 bytes).
 */
export interface SealedValue {
  format: 1
  /** Of the key-encryption key; see `keyIdOf`. */
  keyId: string
  dataKey: string
  value: string
}

const sealedValue = z.strictObject({ format: z.literal(1), keyId: z.string(), dataKey: z.base64(), value: z.base64() })

/** The key-encryption keys that are known: one that seals, and others that only open. */
export interface KeyRing {
  currentId: string
  byId: ReadonlyMap<string, Buffer>
}

/** What opening comes to. Nothing of a value is seen before all of it has been verified. */
export type Opened = { kind: 'OPEN'; value: string } | { kind: 'UNKNOWN_KEY'; keyId: string } | { kind: 'ALTERED' }

export type SealedPlace = Pick<SecretPlace, 'owner' | 'name' | 'version'>

/** @param others keys that open what was sealed before, or will be by another node */
export function createKeyRing(current: Buffer, others: readonly Buffer[] = []): KeyRing {
  return { currentId: keyIdOf(current), byId: new Map([...others, current].map((key) => [keyIdOf(key), key])) }
}

/** Tells keys apart and tells nothing of them. */
export function keyIdOf(key: Buffer): string {
  return createHmac('sha256', key).update('pilothouse secret key').digest('hex').slice(0, 16)
}

export function sealValue({ currentId, byId }: KeyRing, place: SealedPlace, value: string): SealedValue {
  const [dataKey, bound] = [randomBytes(32), placeText(place)]
  return { format: 1, keyId: currentId, dataKey: encrypt(byId.get(currentId)!, dataKey, bound), value: encrypt(dataKey, Buffer.from(value), bound) }
}

/** @param sealed as it was stored, by whomever */
export function openValue(ring: KeyRing, place: SealedPlace, sealed: unknown): Opened {
  const key = openDataKey(ring, place, sealed)
  if (key.kind !== 'DATA_KEY') return key
  const value = decrypt(key.dataKey, key.envelope.value, placeText(place))
  return value === null ? { kind: 'ALTERED' } : { kind: 'OPEN', value: value.toString() }
}

/** The same value under the current key. What is encrypted stays as it is; only its data key is wrapped anew. */
export function rewrapValue(ring: KeyRing, place: SealedPlace, sealed: unknown): { kind: 'WRAPPED'; sealed: SealedValue } | Exclude<Opened, { kind: 'OPEN' }> {
  const key = openDataKey(ring, place, sealed)
  if (key.kind !== 'DATA_KEY') return key
  const dataKey = encrypt(ring.byId.get(ring.currentId)!, key.dataKey, placeText(place))
  return { kind: 'WRAPPED', sealed: { ...key.envelope, keyId: ring.currentId, dataKey } }
}

function openDataKey({ byId }: KeyRing, place: SealedPlace, sealed: unknown): { kind: 'DATA_KEY'; envelope: SealedValue; dataKey: Buffer } | Exclude<Opened, { kind: 'OPEN' }> {
  const { data: envelope } = sealedValue.safeParse(sealed)
  if (envelope === undefined) return { kind: 'ALTERED' }
  const key = byId.get(envelope.keyId)
  if (key === undefined) return { kind: 'UNKNOWN_KEY', keyId: envelope.keyId }
  const dataKey = decrypt(key, envelope.dataKey, placeText(place))
  return dataKey?.length === 32 ? { kind: 'DATA_KEY', envelope, dataKey } : { kind: 'ALTERED' }
}

/** Goes into both tags, so that an envelope opens for this owner, name and version and nowhere else. */
function placeText({ owner: { kind, id }, name, version }: SealedPlace): Buffer {
  return Buffer.from(canonicalJson({ format: 1, owner: { kind, id }, name, version }))
}

const nonceBytes = 12
const tagBytes = 16

function encrypt(key: Buffer, plain: Buffer, bound: Buffer): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes }).setAAD(bound)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/** null: the key, the place or the text is another one. */
function decrypt(key: Buffer, text: string, bound: Buffer): Buffer | null {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length < nonceBytes + tagBytes) return null
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes })
    .setAAD(bound).setAuthTag(bytes.subarray(-tagBytes))
  const plain = decipher.update(bytes.subarray(nonceBytes, -tagBytes))
  try {
    return Buffer.concat([plain, decipher.final()])
  } catch {
    return null
  }
}
