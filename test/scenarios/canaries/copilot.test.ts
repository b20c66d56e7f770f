import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DeleteSecretDocument, PutSecretDocument, RegisterMcpServerDocument, type RegisterMcpServerInput, SetPolicyDocument } from '../../../src/client/index.js'
import { copilotAdapter } from '../../../src/worker/adapters/copilot.js'
import { createCatalogWorker } from '../../../src/worker/index.js'
import { usualPath } from '../../../src/worker/launchers.js'
import { canary, commandLines, createSearch, filesOf, type Hit } from '../../support/canary.js'
import { describeOnRuntime, startCopilotRuntime } from '../../support/copilot-runtime.js'
import { startBadServer, startMirror, tellingProcess } from '../../support/mirror.js'
import { startTestServer } from '../../support/server.js'
import { shared } from '../../support/shared.js'

const control = 'control-7f3k2m9xq4'
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-mirror-')))
const deployment = { kind: 'DEPLOYMENT' as const }

describeOnRuntime('a Copilot session whose servers show what they were given', () => {
  const { server, runtime, mirror, bad } = shared({
    server: () => startTestServer(), runtime: () => startCopilotRuntime('all'), mirror: () => startMirror(control, canary('of the person')), bad: () => startBadServer(control),
  })
  beforeAll(() => writeFileSync(join(folder, 'server.mjs'), tellingProcess))
  afterAll(() => rmSync(folder, { recursive: true }))

  it('S14: nothing of it is in the runtime\'s folders, logs, events and arguments, nor in what the model is sent', async () => {
    const alice = await server.user('alice')
    await server.admin.client.execute(SetPolicyDocument, {
      input: { owner: deployment, expectedRevision: 0, document: { transports: { stdio: 'allow' }, stdio: { directories: [folder] }, urls: { insecureHttp: ['127.0.0.1'], privateNetworks: ['127.0.0.0/8'] } } },
    })
    const put = async (value: string) => (await alice.client.execute(PutSecretDocument, { input: { owner: { kind: 'USER' }, name: 'token', value } })).putSecret.cursor
    const register = async (name: string, transport: RegisterMcpServerInput['definition']['transport']) => (
      await alice.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition: { transport }, apply: 'NOW' } })).registerMcpServer.cursor
    const http = (url: string) => ({ http: { url, headers: [{ name: 'X-Key', value: '${user:token}' }, { name: 'Authorization', value: 'Bearer ${user:token}' }] } })
    const stdio = (how: string) => ({ stdio: { command: 'node', args: [join(folder, 'server.mjs'), how, control], env: [{ name: 'TOKEN', value: '${user:token}' }] } })
    await put(canary('of the person'))
    await register('mirror', http(mirror.url))
    await register('telling', stdio('tells'))
    await register('dies', stdio('dies'))
    await register('unauthorized', http(bad.at('401')))

    const worker = await createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId: 'w', graceMs: 100, env: { PATH: usualPath } })
    const adapter = copilotAdapter({ client: runtime.client, config: runtime.config() })
    const session = await worker.openSession({ id: 's', owner: { kind: 'USER', id: alice.id }, adapter })
    const copilot = adapter.session()
    const events: string[] = []
    copilot.on((event) => void events.push(JSON.stringify(event)))
    const tools = ['mirror-all', 'mirror-wrong', 'mirror-throws', 'mirror-slow', 'telling-env', 'telling-error'].map((name) => ({ call: `catalog-${name}` }))
    const script = await runtime.ask(copilot, ...tools)
    expect(script.results().map(({ text }) => text).join()).toContain('[redacted]')
    expect(mirror.requests.at(-1)!['x-key']).toBe(canary('of the person'))
    await session.settled(await put(canary('rotated')))
    const lines = commandLines()
    await runtime.ask(copilot, ...tools, { call: 'catalog-telling-exit' })
    expect(mirror.requests.at(-1)!['x-key']).toBe(canary('rotated'))
    const { deleteSecret: { cursor } } = await alice.client.execute(DeleteSecretDocument, { input: { owner: { kind: 'USER' }, name: 'token' } })
    const late = runtime.model.script({ call: 'catalog-mirror-all', before: () => session.settled(cursor) }, { text: control })
    await copilot.sendAndWait({ prompt: late.prompt })
    const listed = JSON.stringify([await copilot.rpc.mcp.list(), await copilot.getEvents()])

    const sinks = { 'folders': filesOf(runtime.folder), 'events': events.join('\n'), 'what the model is sent': runtime.model.bodies.join('\n'), 'command lines': lines, 'lists of the runtime': listed }
    const found: Hit[] = []
    for (const [sink, text] of Object.entries(sinks)) {
      expect(createSearch({ control }).hits(sink, text).map(({ what }) => what), sink).toContain('control')
      found.push(...createSearch().hits(sink, text))
    }
    expect(found).toEqual([])
    await worker.close()
  })
})
