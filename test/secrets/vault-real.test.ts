import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'vitest'
import { deploymentOwner } from '../../src/core/owner.js'
import { freePort } from '../../src/db/free-port.js'
import { createVaultProvider } from '../../src/secrets/vault.js'
import { secretProviderConformance } from '../suites/secret-provider-conformance.js'
import { until } from '../support/embedded.js'

const binary = ['bao', 'vault'].find((name) => {
  try {
    return /^(OpenBao|Vault) v/.test(execFileSync(name, ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    return false
  }
})
const token = 'dev-canary-token'

/** In memory, unsealed, with KV version 2 at `secret/`. */
async function startDevServer(name: string) {
  const url = `http://127.0.0.1:${await freePort()}`
  const child = spawn(name, ['server', '-dev', '-dev-no-store-token', `-dev-root-token-id=${token}`, `-dev-listen-address=${url.slice('http://'.length)}`], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const send = (method: string, path: string, body?: object) => (
    fetch(`${url}/v1/${path}`, { method, headers: { 'x-vault-token': token }, ...(body !== undefined && { body: JSON.stringify(body) }) }))
  await until(`${name} answers`, () => send('GET', 'secret/config').then(({ ok }) => ok, () => false))
  return {
    url, send,
    close: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

if (binary === undefined) it.skip('a real OpenBao or Vault as a provider: put bao or vault on PATH to run its tests')
else describe('a real OpenBao or Vault', () => {
  const at = (path: string) => ({ owner: deploymentOwner, name: 'token', version: 1, path, sealed: null })
  secretProviderConformance(binary, async (tools) => {
    const server = await startDevServer(binary)
    return {
      provider: createVaultProvider({ address: server.url, token: { value: token }, namespace: null, mount: 'secret', prefix: 'pilothouse', everyMs: 50 }, tools),
      missing: at('pilothouse/absent'), refused: ['', '..', 'pilothouse/../sys', 'other/a'], canaries: [token], close: server.close,
      put: async (value) => {
        await server.send('POST', 'secret/data/pilothouse/tickets', { data: { token: value } })
        return at('pilothouse/tickets#token')
      },
      breakIt: async (place) => {
        await server.send('PUT', 'sys/seal')
        return place
      },
      remove: async () => { await server.send('DELETE', 'secret/data/pilothouse/tickets') },
    }
  })
})
