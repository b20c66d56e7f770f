import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NameValue, type StdioTransport } from '../../src/core/mcp-server.js'
import { completePolicy } from '../../src/core/policy-document.js'
import { startGuardedProcess } from '../../src/worker/guarded-process.js'
import { type LaunchGuard } from '../../src/worker/launch-guard.js'
import { createLaunchers, usualPath } from '../../src/worker/launchers.js'
import { isAlive } from '../support/mcp-servers.js'

const usualTmpdir = process.env.TMPDIR
let root: string
let listed: string

/** Tells what a child sees. */
const telling = `
  const { readdirSync } = require('node:fs')
  const { env, argv, argv0 } = process
  process.stdout.write(JSON.stringify({ env, argv, argv0, cwd: process.cwd(), home: readdirSync(env.HOME), work: readdirSync('.') }))`

const programs = [
  'npm/bin/npx-cli.js', 'npm/bin/npm-cli.js', 'bin/npx', 'bin/pip3.12', 'bin/ts-node.mjs', 'bin/Pip.py', 'corepack/dist/corepack.js', 'node_modules/tsx/dist/cli.mjs', 'site-packages/pip/__main__.py',
]
const digest = 'a'.repeat(64)

interface Told { env: Record<string, string>; argv: string[]; argv0: string; cwd: string; home: string[]; work: string[] }

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-guarded-')))
  listed = join(root, 'listed')
  for (const folder of ['listed', 'listed/work', 'scratch', 'elsewhere']) mkdirSync(join(root, folder))
  // Where folders of processes are made, so that what is left of them is seen.
  process.env.TMPDIR = join(root, 'scratch')
  writeFileSync(join(listed, 'tell.cjs'), telling)
  writeFileSync(join(root, 'elsewhere', 'tell.cjs'), telling)
  symlinkSync('tell.cjs', join(listed, 'link.cjs'))
  symlinkSync('../elsewhere/tell.cjs', join(listed, 'far.cjs'))
  writeFileSync(join(listed, 'bash'), '')
  chmodSync(join(listed, 'bash'), 0o755)
  symlinkSync('bash', join(listed, 'server'))
  mkdirSync(join(root, 'bin'))
  for (const file of [join(listed, 'tool'), join(root, 'bin', 'deno'), join(root, 'bin', 'npx'), join(root, 'bin', 'docker')]) {
    writeFileSync(file, `#!/usr/bin/env node\n${telling}`)
    chmodSync(file, 0o755)
  }
  // Links with honest names; each of these would read the rest of the command line as orders.
  for (const [at, file] of programs.entries()) {
    mkdirSync(join(listed, 'lib', file, '..'), { recursive: true })
    writeFileSync(join(listed, 'lib', file), telling)
    symlinkSync(join('lib', file), join(listed, `server-${at}.cjs`))
  }
})
afterAll(() => {
  if (usualTmpdir === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = usualTmpdir
  rmSync(root, { recursive: true, force: true })
})

const stdio = (command: string, args: string[] = [], changes: Partial<StdioTransport> = {}): StdioTransport => ({ kind: 'STDIO', command, args, env: [], cwd: null, ...changes })
const guardOf = (check = () => {}, packageCache: string | null = null): LaunchGuard => (
  { check, policies: () => [completePolicy({ stdio: { directories: [listed] } })], launchers: createLaunchers(usualPath, packageCache) })
/** Finds launchers that tell what they are given, whatever the machine has. */
const tellingGuard = (directories?: string[]): LaunchGuard => (
  { check: () => {}, policies: () => [completePolicy(directories === undefined ? {} : { stdio: { directories } })], launchers: createLaunchers(`${join(root, 'bin')}:${usualPath}`) })
const leftOvers = () => readdirSync(join(root, 'scratch'))

async function tell(transport: StdioTransport, guard = guardOf()): Promise<Told> {
  const group = await startGuardedProcess(transport, guard)
  try {
    return JSON.parse(await text(group.child.stdout)) as Told
  } finally {
    await group.stop(1000)
  }
}

describe('a process of a catalog entry', () => {
  it('S1, S4: sees PATH, a HOME of its own and what the entry lists, and nothing else', async () => {
    const listedNames: NameValue[] = [{ name: 'HOME', value: '/root' }, { name: 'KEY', value: 'own' }, { name: 'PATH', value: '/evil' }]
    const told = await tell(stdio('node', [join(listed, 'tell.cjs'), 'one', 'two'], { env: listedNames }))
    const scratch = join(told.cwd, '..')
    expect(told).toEqual({
      env: { PATH: await createLaunchers(usualPath).path(), HOME: join(scratch, 'home'), KEY: 'own' },
      argv: [realpathSync(process.execPath), join(listed, 'tell.cjs'), 'one', 'two'], argv0: 'node', cwd: join(scratch, 'work'), home: [], work: [],
    })
    expect(scratch.startsWith(join(root, 'scratch', 'pilothouse-server-'))).toBe(true)
    expect(leftOvers()).toEqual([])
  })

  it('S3: is started from the real file, by command and by path, where the entry says', async () => {
    const told = await tell(stdio('node', [join(listed, 'link.cjs')], { cwd: join(listed, 'work') }))
    expect([told.argv[1], told.cwd]).toEqual([join(listed, 'tell.cjs'), join(listed, 'work')])
    // What follows an executable belongs to it, paths too.
    expect((await tell(stdio(join(listed, 'tool'), ['/no/such/file']))).argv.slice(1)).toEqual([join(listed, 'tool'), '/no/such/file'])
    expect(existsSync(join(listed, 'work'))).toBe(true)
  })

  it.each<[string, () => StdioTransport, RegExp]>([
    ['a command with a relative path', () => stdio('./tool'), /is relative/], ['a deeper one', () => stdio('listed/tool'), /is relative/],
    ['a relative folder', () => stdio('node', [join(listed, 'tell.cjs')], { cwd: 'work' }), /is relative/],
    ['an executable that is not listed', () => stdio(process.execPath, [join(listed, 'tell.cjs')]), /below none of the listed folders/],
    ['a shell by another name', () => stdio(join(listed, 'server'), ['-c', 'true']), /server leads to .*\/bash, which is a shell/],
    ['a script that is not listed', () => stdio('node', [join(root, 'elsewhere', 'tell.cjs')]), /below none/],
    ['a link to one', () => stdio('node', [join(listed, 'far.cjs')]), /below none/],
    ['a script behind options', () => stdio('node', ['--no-warnings', join(root, 'elsewhere', 'tell.cjs')]), /below none/],
    ['a folder that is not listed', () => stdio('node', [join(listed, 'tell.cjs')], { cwd: join(root, 'elsewhere') }), /below none/],
    ['a script that is not there', () => stdio('node', [join(listed, 'gone.cjs')]), /cannot be reached/],
    ['a script behind an option that nobody knows', () => stdio('node', ['--import', join(listed, 'tell.cjs'), join(listed, 'tell.cjs')]), /Nobody can say what node would run/],
    ['a script with a relative path', () => stdio('node', ['tell.cjs', join(listed, 'tell.cjs')]), /tell\.cjs is relative/], ['no script', () => stdio('node'), /Nobody can say/],
    ['a command that is no launcher', () => stdio('sh', ['-c', 'true']), /Nobody can say what sh would run/],
    ['a launcher that is not there', () => stdio('no-such-launcher'), /There is no no-such-launcher on the worker's path/],
  ])('S3: is not started for %s', async (_, transport, reason) => {
    await expect(startGuardedProcess(transport(), guardOf())).rejects.toThrow(reason)
    expect(leftOvers()).toEqual([])
  })

  it('S3: is started only from below folders of every policy, wherever links among those of one lead', async () => {
    const guard = (...lists: string[][]): LaunchGuard => ({ ...guardOf(), policies: () => lists.map((directories) => completePolicy({ stdio: { directories } })) })
    const elsewhere = join(root, 'elsewhere')
    for (const lists of [[[listed], [elsewhere]], [[elsewhere], [listed]], [[listed], []]]) {
      await expect(startGuardedProcess(stdio('node', [join(listed, 'tell.cjs')]), guard(...lists))).rejects.toThrow(/below none of the listed folders/)
    }
    await expect(startGuardedProcess(stdio('node', [join(listed, 'far.cjs')]), guard([listed], [listed, elsewhere]))).rejects.toThrow(/below none/)
    expect((await tell(stdio('node', [join(listed, 'tell.cjs')]), guard([listed], [root]))).argv[1]).toBe(join(listed, 'tell.cjs'))
    expect(leftOvers()).toEqual([])
  })

  it.each(programs.map((file, at) => [file, at] as const))('S3: is not started for %s as its script, by that name and by an honest one', async (file, at) => {
    for (const script of [join(listed, 'lib', file), join(listed, `server-${at}.cjs`)]) {
      await expect(startGuardedProcess(stdio('node', [script, '-c', 'true']), guardOf())).rejects.toThrow(/leads to .* nobody could judge what it would run/)
    }
    expect(leftOvers()).toEqual([])
  })

  it.each<[string, string[]]>([
    ['deno', ['run', 'npm:@x/fs@1.0.0', '/srv/data']], ['deno', ['run', '--allow-read=/srv/data', 'jsr:@x/fs@1.0.0', '/srv/data']],
    ['npx', ['-y', 'srv@1.2.3', '/srv/data']], ['docker', ['run', '--rm', `srv@sha256:${digest}`, '/srv/data']],
  ])('S3: of %s %j the paths behind package or image are for the server, and need not be there', async (command, args) => {
    const told = await tell(stdio(command, args, { cwd: join(listed, 'work') }), tellingGuard([listed]))
    expect([told.argv.slice(2), told.cwd]).toEqual([args, join(listed, 'work')])
  })

  it('S3: fetches nothing as the configuration of a folder says that nobody has listed', async () => {
    for (const [command, ...args] of [['npx', 'srv@1.2.3'], ['deno', 'run', 'npm:srv@1.2.3']] as const) {
      await expect(startGuardedProcess(stdio(command, args, { cwd: '/' }), tellingGuard())).rejects.toThrow(/as the configuration in \/ says\. Leave cwd out/)
    }
    // An image has no configuration where docker runs.
    expect((await tell(stdio('docker', ['run', `srv@sha256:${digest}`], { cwd: '/' }), tellingGuard())).cwd).toBe('/')
  })

  it('keeps downloads over starts when the worker has a cache, and that stays when it ends', async () => {
    const cache = join(root, 'cache')
    const script = join(listed, 'keep.cjs')
    writeFileSync(script, `require('node:fs').appendFileSync(process.env.HOME + '/.npm/kept', 'x'); ${telling}`)
    for (let start = 0; start < 2; start++) expect((await tell(stdio('node', [script]), guardOf(undefined, cache))).home).toEqual(['.cache', '.npm'])
    expect([readFileSync(join(cache, '.npm', 'kept'), 'utf8'), leftOvers()]).toEqual(['xx', []])
    chmodSync(cache, 0o777)
    await expect(tell(stdio('node', [script]), guardOf(undefined, cache))).rejects.toThrow(/cache is writable for others/)
    expect(leftOvers()).toEqual([])
  })

  it('S3: is ended when its file was replaced after the check', async () => {
    const pidFile = join(root, 'pid')
    const evil = join(listed, 'evil.cjs')
    const script = join(listed, 'swapped.cjs')
    writeFileSync(script, telling)
    writeFileSync(evil, `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); process.stdin.resume()`)
    let checks = 0
    // The second look at the policy is the last thing before the start.
    const guard = guardOf(() => { if (++checks === 2) renameSync(evil, script) })
    await expect(startGuardedProcess(stdio('node', [script]), guard)).rejects.toThrow('swapped.cjs was replaced while it was started.')
    expect([existsSync(pidFile) && isAlive(Number(readFileSync(pidFile, 'utf8'))), leftOvers()]).toEqual([false, []])
  })

  it('S19: is not started when it is withdrawn while its files are looked at', async () => {
    let checks = 0
    const guard = guardOf(() => { if (++checks === 2) throw new Error('withdrawn') })
    await expect(startGuardedProcess(stdio('node', [join(listed, 'tell.cjs')]), guard)).rejects.toThrow('withdrawn')
    expect([checks, leftOvers()]).toEqual([2, []])
  })

  it('S13: leaves nothing: no grandchild that ignores signals, no folder', async () => {
    const script = join(listed, 'family')
    writeFileSync(script, '#!/bin/sh\n(trap "" TERM; exec sleep 1000) & echo $! $$; echo left > "$HOME/left"; echo left > left; wait\n')
    chmodSync(script, 0o755)
    const group = await startGuardedProcess(stdio(script), guardOf())
    const [said] = await once(group.child.stdout, 'data') as [Buffer]
    const pids = said.toString().trim().split(' ').map(Number)
    expect([pids.map(isAlive), leftOvers().length]).toEqual([[true, true], 1])
    await group.stop(100)
    expect([pids.map(isAlive), leftOvers()]).toEqual([[false, false], []])
  })
})
