import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createCatalogClient, DeleteSecretDocument, PutSecretDocument, RegisterMcpServerDocument } from '../../../src/client/index.js'
import { canary, commandLines, createSearch, filesOf, type Hit, plainCanary, tokenCanary } from '../../support/canary.js'
import { serverPid } from '../../support/embedded.js'
import { pilothouse } from '../../support/process.js'
import { closing } from '../../support/shared.js'

const control = 'control-7f3k2m9xq4'
const keys = ['admin-token', 'audit.key', 'secret.key', 'postgres-password']

it('S14: a server of its own leaves no value in its data folder, Postgres\' files and logs among them, nor in what it says', async () => {
  const dataDir = join(await mkdtemp(join(tmpdir(), 'pilothouse-canary-')), 'data')
  const server = pilothouse(['serve'], { PILOTHOUSE_DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1', PILOTHOUSE_LOG_LEVEL: 'debug', PILOTHOUSE_SECRET_ENV: 'CANARY', CANARY: canary('in a variable') })
  closing({ close: async () => {
    await server.stop('SIGTERM')
    await rm(join(dataDir, '..'), { recursive: true, force: true })
  } })
  const [url] = await server.says(/http:\/\/\S+\/graphql/)
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  const sinceMs = Date.now() - 1_000
  const client = createCatalogClient({ url, token })
  const said: string[] = []
  const tell = async (work: Promise<unknown>) => void said.push(await work.then((value) => JSON.stringify(value), (error: Error) => `${error.message} ${JSON.stringify(error)}`))
  const put = (name: string, value: string) => tell(client.execute(PutSecretDocument, { input: { owner: { kind: 'USER' }, name, value } }))
  const register = (name: string, value: string, more: object = {}) => tell(client.execute(RegisterMcpServerDocument, {
    input: { owner: { kind: 'USER' }, name, definition: { transport: { http: { url: 'https://a.example.com', headers: [{ name: 'Authorization', value }] } } }, ...more },
  }))
  await put('token', canary('sealed'))
  await put('token', canary('again'))
  await put('gone', canary('deleted'))
  await tell(client.execute(DeleteSecretDocument, { input: { owner: { kind: 'USER' }, name: 'gone' } }))
  await tell(client.execute(PutSecretDocument, { input: { owner: { kind: 'DEPLOYMENT' }, name: 'outside', provider: 'env', path: 'CANARY' } }))
  await register(control, 'Bearer ${secret:token}')
  await register('refused', `Bearer ${tokenCanary}`)
  await register(tokenCanary, 'x')
  const lines = commandLines()
  // Postgres is killed under it, and says in its log what it was doing.
  const running = Promise.all([1, 2, 3, 4].map((at) => put(`late-${at}`, canary('late'))))
  process.kill(await serverPid(dataDir), 'SIGQUIT')
  await running
  const typed = pilothouse(['secret', 'set', 'typed', '--owner', 'me'], { PILOTHOUSE_URL: url, PILOTHOUSE_DATA_DIR: dataDir }, `${plainCanary('typed')}\n`)
  await typed.ended
  said.push(typed.stdout(), typed.stderr(), control)
  await server.stop()

  const secrets = Object.fromEntries(await Promise.all(keys.map(async (name) => [name, (await readFile(join(dataDir, name), 'utf8')).trim()] as const)))
  const search = createSearch(secrets)
  const sinks = { 'data folder': filesOf(dataDir, keys, sinceMs), 'output': `${control}${server.stdout()}${server.stderr()}`, 'answers': said.join('\n'), 'command lines': `${control}${lines}` }
  const found: Hit[] = []
  for (const [sink, text] of Object.entries(sinks)) {
    expect(createSearch({ control }).hits(sink, text).map(({ what }) => what), sink).toContain('control')
    found.push(...search.hits(sink, text))
  }
  expect(found).toEqual([])
  expect(server.stderr()).toContain('"msg":"request"')
  expect(sinks['command lines']).toContain('postgres')
})
