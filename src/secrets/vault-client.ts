import { readFile } from 'node:fs/promises'

export interface VaultSettings {
  /** https, or http on loopback; without a slash at its end. */
  address: string
  token: { value: string } | { file: string }
  /** Of Vault Enterprise, HCP and OpenBao; null: the root. */
  namespace: string | null
  /** Where the KV engine of version 2 is mounted. */
  mount: string
  /** Secrets must lie below it. */
  prefix: string
}

/** What a server said, or why nothing can be made of it. No part of a body is ever in a problem. */
export type VaultAnswer = { kind: 'ANSWER'; status: number; body: Record<string, unknown> } | { kind: 'PROBLEM'; why: string }

export interface VaultClient {
  get: (path: string) => Promise<VaultAnswer>
  post: (path: string) => Promise<VaultAnswer>
  /** Ends what is under way; everything after it is a problem. */
  close: () => void
}

/** Vault takes entries of 1 MiB unless told otherwise. */
const mostBodyBytes = 2_097_152

/**
 * Speaks to Vault or OpenBao. Redirects are not followed: the token would go wherever they lead. A token file is read for each request, so that an agent
 * may replace it at any time.
 */
export function createVaultClient({ address, token, namespace }: Pick<VaultSettings, 'address' | 'token' | 'namespace'>, timeoutMs: number): VaultClient {
  const closing = new AbortController()

  async function send(method: 'GET' | 'POST', path: string): Promise<VaultAnswer> {
    const key = 'value' in token ? token.value : await readFile(token.file, 'utf8').then((text) => text.trim(), () => '')
    // Whatever else is in a file must not come back in the error of a header.
    if (!/^[\x21-\x7e]{1,8192}$/.test(key)) return { kind: 'PROBLEM', why: 'the file of the token cannot be read, or holds none' }
    try {
      const response = await fetch(`${address}/v1/${path}`, {
        method, redirect: 'manual', signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
        headers: { 'x-vault-token': key, 'x-vault-request': 'true', ...(namespace !== null && { 'x-vault-namespace': namespace }) },
      })
      if (response.status >= 300 && response.status < 400) {
        await response.body?.cancel()
        return { kind: 'PROBLEM', why: 'it answers with a redirect, which is not followed; give PILOTHOUSE_VAULT_ADDR the address of the active node' }
      }
      const text = await boundedText(response)
      const body = text === null ? null : objectOrNull(text)
      return body === null ? { kind: 'PROBLEM', why: `what it answers is not from Vault (status ${response.status})` } : { kind: 'ANSWER', status: response.status, body }
    } catch (error) {
      return { kind: 'PROBLEM', why: (error as Error).name === 'TimeoutError' ? `it does not answer within ${timeoutMs / 1_000} s` : 'it cannot be reached' }
    }
  }

  return { get: (path) => send('GET', path), post: (path) => send('POST', path), close: () => closing.abort() }
}

/** null: too much. */
async function boundedText({ body }: Response): Promise<string | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += (chunk as Uint8Array).length
    if (length > mostBodyBytes) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function objectOrNull(text: string): Record<string, unknown> | null {
  try {
    // Some answers, as that to a standby's health or a renewal without a body, are empty.
    return objectOf(text === '' ? {} : JSON.parse(text))
  } catch {
    return null
  }
}

/** What is no object has no fields. */
export function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : null
}
