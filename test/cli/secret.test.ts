import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readHidden } from '../../src/cli/read-hidden.js'
import { RegisterMcpServerDocument, type RegisterMcpServerInput, SecretsDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { pilothouse } from '../support/process.js'
import { type Person, startTestServer, type TestServer } from '../support/server.js'

const canary = 'canary-91ce44'
let server: TestServer
let alice: Person
beforeAll(async () => {
  server = await startTestServer()
  alice = await server.user('alice')
})
afterAll(() => server.close())

async function run(args: string[], input = '', who = alice) {
  const child = pilothouse(['secret', ...args], { PILOTHOUSE_URL: server.url, PILOTHOUSE_TOKEN: who.token }, input)
  const code = await child.ended
  expect(child.stdout() + child.stderr()).not.toContain('canary')
  return { code, stdout: child.stdout(), stderr: child.stderr() }
}
const register = async (name: string, transport: RegisterMcpServerInput['definition']['transport'], owner: RegisterMcpServerInput['owner'] = { kind: 'USER' }, who = alice) =>
  (await who.client.execute(RegisterMcpServerDocument, { input: { owner, name, definition: { transport } } })).registerMcpServer.mcpServer
const http = (value: string, url = 'https://api.example.com/mcp') => ({ http: { url, headers: [{ name: 'Authorization', value }] } })

describe('pilothouse secret', () => {
  it('sets from standard input, lists and deletes, and shows no value', async () => {
    expect((await run(['list'])).stdout).toBe('No secret is set.\n')
    const set = await run(['set', 'token'], `${canary}\n`)
    expect(set).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Set token of user alice, version 1, at [0-9a-f-]+\.\n$/) as string })
    await register('uses-it', http('Bearer ${secret:token}'))
    expect((await run(['list'])).stdout).toMatch(/^NAME +PROVIDER +VERSION +SET BY +AT +USED BY\ntoken +sealed +1 +alice +20\d\d-\S+ +uses-it\n$/)
    expect(JSON.parse((await run(['set', 'token', '--owner', 'me', '--json'], canary)).stdout)).toMatchObject({ secret: { name: 'token', version: 2 } })
    expect(await run(['delete', 'token'])).toMatchObject({ code: 1, stdout: expect.stringMatching(/is used by uses-it\.\n.*Nothing was deleted\.\n$/s) as string })
    expect(await run(['delete', 'token'], 'y\n')).toMatchObject({ code: 0, stdout: expect.stringContaining('Deleted token of user alice, at ') as string })
    expect(await run(['delete', 'token', '--yes'])).toMatchObject({ code: 1, stderr: expect.stringContaining('SECRET_NOT_FOUND: ') as string })
    expect((await alice.client.execute(SecretsDocument, { owner: { kind: 'USER' } })).secrets).toEqual([])
  })

  it('shows where values go and asks before it confirms', async () => {
    const { id } = await register('moves', http('Bearer ${user:T}'))
    expect((await run(['bindings', 'moves'])).stdout).toMatch(/^REFERENCE +GOES INTO +STATE +WHY\nuser:T +header:Authorization +confirmed +Connect your account: you have no secret T\./)
    expect((await run(['bind', 'moves'])).stdout).toBe('Nothing is left to confirm.\n')
    await alice.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: { transport: http('Bearer ${user:T}', 'https://moved.example.com:8443/mcp?x=1') } } })
    const asked = await run(['bind', 'moves'], 'n\n')
    expect(asked).toMatchObject({ code: 1, stdout: expect.stringContaining('Nothing was confirmed.') as string })
    expect(asked.stdout).toContain('moves of user alice, over http\n  host     moved.example.com:8443\n  address  https://moved.example.com:8443/mcp?x=1\n   user:T  into  header:Authorization  your own account\n')
    expect(await run(['bind', 'moves', 'user:T'], 'yes\n')).toMatchObject({ code: 0, stdout: expect.stringMatching(/Confirmed user:T for header:Authorization, at \S+\.\n$/) as string })
    await run(['set', 'T'], canary)
    expect((await run(['bindings', id])).stdout).toContain('user:T     header:Authorization  ready')
  })

  it('shows the whole command line, of which nothing can hide', async () => {
    await register('local', { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', 'a b', 'x'.repeat(2_000)], env: [{ name: 'TOKEN', value: '${user:T}' }] } }, { kind: 'DEPLOYMENT' }, server.admin)
    const { stdout } = await run(['bind', 'local', '${user:T}', '--owner', 'deployment', '--yes'])
    expect(stdout).toContain(`local of the deployment, over stdio\n  command  "npx" "-y" "srv@1.2.3" "a b" "${'x'.repeat(2_000)}"\n`)
    expect(JSON.parse((await run(['bindings', 'local', '--owner', 'deployment', '--json'])).stdout)).toMatchObject([{ reference: { scope: 'USER', name: 'T', injectionPoint: 'env:TOKEN' }, bound: true }])
  })

  it.each<[string, string[], string, number, RegExp]>([
    ['a value among the arguments', ['set', 'token', canary], '', 2, /A value is never given on the command line/],
    ['a value as an option', ['set', 'token', `--value=${canary}`], '', 2, /A value is never given on the command line/],
    ['a value after two dashes', ['set', 'token', '--', canary], '', 2, /A value is never given on the command line/],
    ['nothing on standard input', ['set', 'token'], '', 2, /There is no value/],
    ['a value that is too large', ['set', 'token'], canary.padEnd(70_000, 'x'), 1, /INVALID_INPUT: .*\(value\)/],
    ['a name that is none', ['set', 'to ken'], canary, 1, /INVALID_INPUT: .*\(name\)/],
    ['a provider without a path', ['set', 'token', '--provider', 'env'], '', 2, /--path goes with --provider/],
    ['one over a version that is not there', ['set', 'token', '--expected', '7'], canary, 1, /REVISION_CONFLICT: There is no secret of that name\. \(expectedVersion\) Look at who/],
    ['a version that is none', ['set', 'token', '--expected', canary], canary, 2, /^--expected takes a version: a whole number/],
    ['an entry that is not there', ['bind', 'nothing'], '', 2, /no entry named "nothing"/],
    ['a reference that is not there', ['bind', 'moves', 'secret:other', '--yes'], '', 2, /it has user:T/],
  ])('refuses %s', async (_, args, input, code, message) => {
    const result = await run(args, input)
    expect(result).toMatchObject({ code, stderr: expect.stringMatching(message) as string })
    expect(result.stderr).not.toContain('    at ')
  })
})

describe('the hidden prompt', () => {
  const terminal = () => Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} }) as unknown as NodeJS.ReadStream & PassThrough
  it('shows nothing of what is typed, and knows the keys of a prompt', async () => {
    const [input, output] = [terminal(), new PassThrough()]
    const value = readHidden('Value: ', input, output)
    input.write(`${canary}X`)
    input.write('\u007f\r')
    expect(await value).toBe(canary)
    expect(String(output.read())).toBe('Value: \n')
  })

  it.each([['the end of the input', '\u0004'], ['an interrupt', '\u0003'], ['nothing', '\r']])('sets nothing after %s', async (_, keys) => {
    const input = terminal()
    const value = readHidden('Value: ', input, new PassThrough())
    input.write(keys)
    await expect(value).rejects.toMatchObject({ name: 'UsageError' })
  })

  it.each([['in one piece', ['first\rsecond\r']], ['in two', ['first\r', 'second\r']], ['without its last line end', ['first\rsecond']]])('refuses several lines, %s', async (_, pieces) => {
    const [input, output] = [terminal(), new PassThrough()]
    const value = readHidden('Value: ', input, output)
    for (const piece of pieces) input.write(piece)
    await expect(value).rejects.toMatchObject({ name: 'UsageError', message: expect.stringContaining('several lines') as string })
    expect(String(output.read())).toBe('Value: \n')
  })

  it('keeps a piped value as it is, but for one line end', async () => {
    const piped = async (text: string | Buffer) => {
      const input = new PassThrough()
      input.end(text)
      return readHidden('', input as unknown as NodeJS.ReadStream, new PassThrough())
    }
    expect(await Promise.all(['a\n', 'a\r\n', 'a\n\n', ' a ', 'a\nb\n', '\u{1f512}$'].map(piped))).toEqual(['a', 'a', 'a\n', ' a ', 'a\nb', '\u{1f512}$'])
    for (const nothing of ['', '\n', '\r\n']) await expect(piped(nothing)).rejects.toMatchObject({ name: 'UsageError' })
    await expect(piped(Buffer.from([0xff, 0xfe, 0x41]))).rejects.toMatchObject({ name: 'UsageError' })
  })
})
