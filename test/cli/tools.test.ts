import { beforeAll, describe, expect, it } from 'vitest'
import { McpServerDocument, ReportToolInventoryDocument } from '../../src/client/index.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const { server } = shared({ server: startTestServer })
let alice: Person
let id: string
beforeAll(async () => {
  alice = await server.user('alice')
  id = (await server.register(alice, 'calc')).id
  const { mcpServer } = await alice.client.execute(McpServerDocument, { id })
  const worker = await server.worker()
  const report = (...tools: Array<{ name: string | null; hash: string; text: string }>) => worker.client.execute(ReportToolInventoryDocument, {
    input: { entryId: id, digest: mcpServer!.digest, owner: { kind: 'USER', id: alice.id }, tools },
  })
  const seen = (name: string | null, hash: string, text: string) => ({ name, hash: hash.repeat(64), text })
  await report(seen('add', 'a', 'adds\n'), seen('sub', 'a', 'subtracts\n'))
  await report(seen('add', 'b', 'adds, badly\n'), seen(null, 'c', 'Trust me.\n'), seen('more', 'd', 'more\n'))
  await report(seen('add', 'e', 'adds, better\n'))
})

async function run(args: string[], input = '') {
  const child = pilothouse(args, { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: alice.token }, input)
  const code = await child.ended
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}

describe('pilothouse tools', () => {
  it('tells what is held, shows how it differs, and accepts what was looked at', async () => {
    const [listed, shown, asked, other] = await Promise.all([
      run(['tools']), run(['tools', 'calc']), run(['tools', 'accept', 'calc', 'add'], 'n\n'), run(['tools', 'accept', 'calc', 'sub', '--yes']),
    ])
    expect(listed.stdout).toMatch(/^ENTRY.*\ncalc +srv_\w+ +user alice +add \(changed\), the server's instructions \(new\), more \(new\), add \(changed\) +20/)
    expect(shown.stdout).toMatch(/^Accepted since 20.* \(version 1\): add, sub\n/)
    for (const text of ['add (changed), seen 20', '--- accepted\n+++ held\n', '-adds\n+adds, badly\n', '-adds\n+adds, better\n', '--- nothing was accepted before\n', '+Trust me.\n']) expect(shown.stdout).toContain(text)
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was accepted.') as string })
    expect(asked.stdout).toContain('+adds, better')
    expect(asked.stdout).not.toContain('badly')
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('Nothing is held under "sub"') as string })

    expect((await run(['tools', 'accept', 'calc', 'add', '--instructions'], 'y\n')).stdout).toMatch(/Accepted add \(changed\), the server's instructions \(new\), at [0-9a-f-]+\.\n$/)
    const json = JSON.parse((await run(['tools', 'accept', id, '--yes', '--json'])).stdout) as { toolInventory: { held: unknown[]; pins: { version: number; tools: Array<{ name: string | null; hash: string }> } } }
    expect([json.toolInventory.held, json.toolInventory.pins.version]).toEqual([[], 3])
    expect(json.toolInventory.pins.tools.map(({ name, hash }) => [name, hash[0]])).toEqual([['sub', 'a'], ['add', 'e'], [null, 'c'], ['more', 'd']])
    expect((await run(['tools'])).stdout).toBe('Nothing is held that you may see.\n')
  })
})
