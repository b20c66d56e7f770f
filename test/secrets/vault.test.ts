import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deploymentOwner } from '../../src/core/owner.js'
import { type SecretProvider } from '../../src/secrets/provider.js'
import { createVaultProvider, type VaultOptions } from '../../src/secrets/vault.js'
import { changeListener, secretProviderConformance, waysOut } from '../suites/secret-provider-conformance.js'
import { startVaultServer, type VaultFault, type VaultServer } from '../support/vault-server.js'

const at = (path: string) => ({ owner: deploymentOwner, name: 'token', version: 1, path, sealed: null })
const optionsFor = ({ url, token }: Pick<VaultServer, 'url' | 'token'>): VaultOptions => (
  { address: url, token: { value: token }, namespace: null, mount: 'secret', prefix: 'apps/pilothouse', timeoutMs: 2_000, everyMs: 10, retryMs: 5 })
const path = 'apps/pilothouse/tickets#token'

secretProviderConformance('vault', async (tools) => {
  const server = await startVaultServer()
  return {
    provider: createVaultProvider(optionsFor(server), tools), missing: at('apps/pilothouse/absent#token'), canaries: [server.token, 'canary-answer'], close: server.close,
    refused: [...waysOut.map((way) => `apps/pilothouse/${way}`), ...waysOut, 'apps/pilothouse', 'apps/pilothouse2/a', 'apps', 'apps/other/a', 'sys/seal', 'apps/pilothouse/a#', 'apps/pilothouse/a#b\nc', '#value'],
    put: async (value) => {
      server.put('apps/pilothouse/tickets', { token: value, other: 'other' })
      return at(path)
    },
    breakIt: async (place) => {
      server.fail(/./, { status: 500, body: '{"errors":["canary-answer"]}' })
      return place
    },
    remove: async () => server.remove('apps/pilothouse/tickets', 'DELETE'),
  }
})

describe('Vault', () => {
  let server: VaultServer
  let listener: ReturnType<typeof changeListener>
  let provider: SecretProvider
  beforeEach(async () => {
    [server, listener] = [await startVaultServer(), changeListener()]
    provider = createVaultProvider(optionsFor(server), listener.tools)
    server.put('apps/pilothouse/tickets', { token: 'canary-value', value: 'by default', number: 7, nested: { a: 'b' } })
  })
  afterEach(async () => {
    await provider.close()
    await server.close()
  })

  const refusalOf = async (place = path, of = provider) => {
    const error = await of.read(at(place)).then(() => null, (refused: Error & { code: string; details: object }) => refused)
    expect(JSON.stringify([error?.message, error?.details])).not.toMatch(/canary/)
    return error!
  }

  it('without a field takes `value`; a field may have a # in its name', async () => {
    expect(await provider.read(at('apps/pilothouse/tickets'))).toBe('by default')
    server.put('apps/pilothouse/a b/%2e?', { 'x#y': 'odd' })
    expect(await provider.read(at('apps/pilothouse/a b/%2e?#x#y'))).toBe('odd')
    expect(server.requests.at(-1)).toBe('GET secret/data/apps/pilothouse/a%20b/%252e%3F')
  })

  it.each(['absent', 'number', 'nested', '__proto__', 'constructor', 'toString'])('a field that is no text is no secret: %s', async (field) => {
    expect(await refusalOf(`apps/pilothouse/tickets#${field}`)).toMatchObject({ code: 'SECRET_NOT_FOUND' })
  })

  it.each(['DELETE', 'DESTROY', 'METADATA'] as const)('one whose newest version is gone (%s) is not found, and that is noticed', async (how) => {
    await provider.read(at(path))
    provider.watch!(new Set([path]))
    server.remove('apps/pilothouse/tickets', how)
    await listener.heard(1)
    expect(await refusalOf()).toMatchObject({ code: 'SECRET_NOT_FOUND' })
  })

  it('one that will be deleted later is there', async () => {
    server.put('apps/pilothouse/tickets', { token: 'soon' }, '2999-01-01T00:00:00Z')
    provider.watch!(new Set([path]))
    await server.requested(/metadata/)
    await server.requested(/metadata/)
    expect(await provider.read(at(path))).toBe('soon')
    expect(listener.changes).toEqual([])
  })

  it('one that was made anew, at version 1 again, is another one', async () => {
    expect(await provider.read(at(path))).toBe('canary-value')
    server.remove('apps/pilothouse/tickets', 'METADATA')
    server.put('apps/pilothouse/tickets', { token: 'new' })
    provider.watch!(new Set([path]))
    await listener.heard(1)
  })

  const body = (text: string) => `{"errors":["canary ${text}"],"data":{"data":{"token":"canary-value"}}}`
  it.each<[string, VaultFault, RegExp]>([
    ['a refusal', { status: 403, body: body('denied') }, /does not let the server read it/], ['sealed', { status: 503, body: body('sealed') }, /sealed or in standby/],
    ['a fault', { status: 500, body: body('') }, /status 500/], ['too many requests', { status: 429, body: body('') }, /status 429/], ['a bad request', { status: 400, body: body('') }, /status 400/],
    ['no such engine', { status: 404, body: body('no handler for route') }, /status 404/], ['the 404 of somebody else', { status: 404, body: '<html>canary</html>' }, /not from Vault \(status 404\)/],
    ['an empty 404', { status: 404, body: '' }, /status 404/], ['no JSON', { status: 200, body: 'canary' }, /not from Vault/], ['a list', { status: 200, body: '[]' }, /not from Vault/], ['JSON of another kind', { status: 200, body: '{"data":{"token":"canary-value"}}' }, /status 200/],
    ['a redirect', { status: 307, body: '', headers: { location: 'http://127.0.0.1:1/canary' } }, /redirect/], ['far too much', { status: 200, body: `{"a":"${'x'.repeat(2_200_000)}"}` }, /not from Vault/],
    ['a field that is too large', { status: 200, body: `{"data":{"data":{"token":"${'x'.repeat(65_537)}"},"metadata":{"version":1}}}` }, /larger than 64 KiB/],
  ])('S14: %s is UNAVAILABLE, and nothing of the answer is repeated', async (_, fault, why) => {
    server.fail(/data/, fault)
    const error = await refusalOf()
    expect(error).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringMatching(why) as string })
    server.fail(/data/, null)
    expect(await provider.read(at(path))).toBe('canary-value')
  })

  it('S14: a redirect does not take the token along', async () => {
    const seen: unknown[] = []
    const thief = createServer(({ headers }, response) => {
      seen.push(headers)
      response.end('{}')
    }).listen(0, '127.0.0.1')
    await once(thief, 'listening')
    server.fail(/data/, { status: 302, body: '', headers: { location: `http://127.0.0.1:${(thief.address() as AddressInfo).port}/` } })
    expect(await refusalOf()).toMatchObject({ code: 'UNAVAILABLE' })
    thief.close()
    expect(seen).toEqual([])
  })

  it('one that does not answer is UNAVAILABLE in time, and so is one that is not there', async () => {
    const impatient = createVaultProvider({ ...optionsFor(server), timeoutMs: 30 }, listener.tools)
    server.fail(/data/, 'SILENCE')
    expect((await refusalOf(path, impatient)).message).toMatch(/does not answer within 0.03 s/)
    await server.close()
    expect((await refusalOf()).message).toMatch(/cannot be reached/)
    await impatient.close()
    server = await startVaultServer()
  })

  it('a look that fails is no change, and is told once until it works again', async () => {
    await provider.read(at(path))
    server.fail(/metadata/, { status: 403, body: body('denied') })
    provider.watch!(new Set([path]))
    for (let times = 0; times < 3; times++) await server.requested(/metadata/)
    expect(listener.changes).toEqual([])
    expect(listener.warnings).toEqual(['changes of secrets in Vault cannot be noticed: Error: status 403'])
    server.fail(/metadata/, null)
    server.put('apps/pilothouse/tickets', { token: 'next' })
    await listener.heard(1)
  })

  it('fields of one secret share a look, of many secrets a few run at once', async () => {
    const paths = [path, 'apps/pilothouse/tickets#value', ...Array.from({ length: 20 }, (_, count) => `apps/pilothouse/other-${count}`)]
    provider.watch!(new Set(paths))
    while (server.requests.filter((request) => request.includes('metadata')).length < 21) await server.requested(/metadata/)
    const first = server.requests.filter((request) => request.includes('metadata')).slice(0, 21)
    expect(new Set(first).size).toBe(21)
  })
})

describe("Vault's token", () => {
  it('is renewed at two thirds of its life, again and again; a failure is told without it, and made good', async () => {
    const server = await startVaultServer()
    Object.assign(server.life, { ttl: 0.03, isRenewable: true })
    const listener = changeListener()
    const provider = createVaultProvider(optionsFor(server), listener.tools)
    await server.requested(/renew-self/)
    await server.requested(/renew-self/)
    expect(server.requests.slice(0, 3)).toEqual(['GET auth/token/lookup-self', 'POST auth/token/renew-self', 'POST auth/token/renew-self'])
    server.fail(/auth/, { status: 500, body: `{"errors":["${server.token}"]}` })
    await server.requested(/renew-self/)
    await server.requested(/lookup-self/)
    await server.requested(/lookup-self/)
    server.fail(/auth/, null)
    await server.requested(/renew-self/)
    await provider.close()
    expect(listener.warnings).toEqual(['the token for Vault could not be renewed: Error: status 500'])
    expect(listener.warnings.join()).not.toContain(server.token)
    await server.close()
  })

  it('that cannot be renewed is looked at again; one without an end is left alone', async () => {
    const server = await startVaultServer()
    Object.assign(server.life, { ttl: 0.03, isRenewable: false })
    const provider = createVaultProvider(optionsFor(server), changeListener().tools)
    await server.requested(/lookup-self/)
    Object.assign(server.life, { ttl: 0, isRenewable: false })
    await server.requested(/lookup-self/)
    await provider.close()
    expect(server.requests.filter((request) => request.includes('renew'))).toEqual([])
    await server.close()
  })

  it('may be in a file, which is read each time; what else a file holds is in no error', async () => {
    const server = await startVaultServer()
    server.put('apps/pilothouse/tickets', { token: 'value' })
    const dir = await mkdtemp(join(tmpdir(), 'pilothouse-vault-'))
    const file = join(dir, 'token')
    const listener = changeListener()
    const provider = createVaultProvider({ ...optionsFor(server), token: { file } }, listener.tools)
    const outcome = () => provider.read(at(path)).catch((error: Error) => error.message)
    expect(await outcome()).toMatch(/the file of the token cannot be read, or holds none/)
    await writeFile(file, 'canary one\ncanary two')
    expect(await outcome()).toMatch(/the file of the token cannot be read, or holds none/)
    await writeFile(file, 'hvs.old')
    expect(await outcome()).toMatch(/does not let the server read it/)
    await writeFile(file, `${server.token}\n`)
    expect(await outcome()).toBe('value')
    await provider.close()
    expect(listener.warnings.join()).not.toMatch(/canary|hvs/)
    await server.close()
    await rm(dir, { recursive: true })
  })
})
