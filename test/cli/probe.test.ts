import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CatalogWorker, createCatalogWorker } from '../../src/worker/index.js'
import { startTestMcpServer, type TestMcpServer } from '../support/mcp-servers.js'
import { untilListening } from '../support/probing.js'
import { pilothouse } from '../support/process.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startLoopbackServer })
let alice: Person
let worker: CatalogWorker
let upstream: TestMcpServer
beforeAll(async () => {
  alice = await server.user('alice')
  upstream = await startTestMcpServer([{ name: 'add', description: 'adds\u001b[2J up\nand more' }, { name: 'sub' }])
  await server.register(alice, 'calc', { url: upstream.url })
  await server.register(alice, 'gone', { url: 'http://127.0.0.1:9/mcp' })
  worker = await createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId: 'desk-1' })
  await untilListening(server, 'desk-1')
})
afterAll(async () => {
  await worker.close()
  await upstream.close()
})

async function run(...args: string[]) {
  const child = pilothouse(['probe', ...args], { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: alice.token }, '')
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

describe('pilothouse probe', () => {
  it('tells what a server offers, or why it was not reached and what to do', async () => {
    const [found, json, gone, nobody, wrong, unknown] = await Promise.all([
      run('calc'), run('calc', '--json', '--seconds', '60'), run('gone'), run('calc', '--worker', 'desk-9'), run('calc', '--seconds', '121'), run('nothing'),
    ])
    expect(found).toMatchObject({ code: 0, stderr: '' })
    expect(found.stdout).toMatch(/^calc \(revision 1\) works on desk-1: 2 tools, 0 prompts, 0 resources, after \d+ ms\.\n {2}add {2}adds\\u\{1b\}\[2J up\n {2}sub\n$/)
    expect([json.code, (JSON.parse(json.stdout) as { state: string }).state]).toEqual([0, 'SUCCEEDED'])
    expect(gone.code).toBe(1)
    expect(gone.stdout).toMatch(/^gone \(revision 1\) was not reached on desk-1: .*\nLook at the reason; /)
    expect(nobody).toEqual({ code: 1, stderr: '', stdout: 'calc (revision 1) was not reached: No worker of that id that serves this owner waits for probes.\nStart a worker whose token serves this owner and that takes probes, or name another one.\n' })
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('(seconds)') as string })
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('no entry named') as string })
  })
})
