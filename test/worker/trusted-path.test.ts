import { chmodSync, linkSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLaunchers, usualPath } from '../../src/worker/launchers.js'
import { trustedPath, type TrustedPathOptions, weaknessOf } from '../../src/worker/trusted-path.js'

let root: string
let listed: string
const put = (path: string, mode = 0o755) => {
  writeFileSync(join(root, path), '#!/bin/sh\n')
  chmodSync(join(root, path), mode)
}

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-trust-')))
  listed = join(root, 'listed')
  for (const folder of ['listed', 'listed/deep', 'listed/open', 'listed/sticky', 'listed/group', 'elsewhere', 'listed-too']) mkdirSync(join(root, folder))
  for (const file of ['listed/tool', 'listed/deep/tool', 'listed/open/tool', 'listed/sticky/tool', 'listed/group/tool', 'elsewhere/tool', 'listed-too/tool']) put(file)
  put('listed/plain', 0o644)
  put('listed/loose', 0o777)
  chmodSync(join(listed, 'open'), 0o777)
  chmodSync(join(listed, 'sticky'), 0o1777)
  for (const [name, target] of Object.entries({
    near: 'deep/tool', far: '../elsewhere/tool', absolute: join(root, 'elsewhere/tool'), through: 'open/tool', shell: '/bin/sh', circle: 'circle', gone: 'gone-for-good', twice: 'near',
    updir: 'deep/../../elsewhere/tool',
  })) symlinkSync(target, join(listed, name))
  symlinkSync(join(listed, 'tool'), join(listed, 'open', 'back'))
  symlinkSync(listed, join(root, 'alias'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const look = (name: string, options: Partial<TrustedPathOptions> = {}) => trustedPath(name.startsWith('/') ? name : join(listed, name), { kind: 'EXECUTABLE', below: [listed], ...options })

describe('S3: a file that is trusted', () => {
  it.each<[string, string]>([['tool', 'tool'], ['deep/tool', 'deep/tool'], ['deep/../tool', 'tool'], ['./deep//tool', 'deep/tool'], ['near', 'deep/tool'], ['twice', 'deep/tool']])(
    '%s is %s', async (name, real) => { expect((await look(name)).real).toBe(join(listed, real)) })

  it('is as well a script that is not executable, and a folder', async () => {
    expect((await look('plain', { kind: 'FILE' })).real).toBe(join(listed, 'plain'))
    expect((await look('deep', { kind: 'FOLDER' })).real).toBe(join(listed, 'deep'))
    expect((await look(listed, { kind: 'FOLDER' })).real).toBe(listed)
  })

  it('lies below where a listed folder leads, and needs no list outside of folders that everybody may write to', async () => {
    expect((await look('tool', { below: ['/no/such/folder', join(root, 'alias')] })).real).toBe(join(listed, 'tool'))
    expect((await trustedPath(process.execPath, { kind: 'EXECUTABLE', below: null })).real).toBe(realpathSync(process.execPath))
  })
})

describe('S3: a file that is refused', () => {
  it.each<[string, RegExp, Partial<TrustedPathOptions>?]>([
    ['far', /below none of the listed folders/], ['absolute', /below none/], ['updir', /below none/], ['shell', /below none/], ['../elsewhere/tool', /below none/], ['../listed-too/tool', /below none/],
    ['tool', /below none/, { below: [] }], ['tool', /below none/, { below: ['/no/such/folder'] }],
    ['open/tool', /leads through .*\/open, which is writable for others/], ['through', /\/open, which is writable/], ['open/back', /\/open, which is writable/], ['sticky/tool', /\/sticky, which is writable/],
    ['loose', /loose is writable for others\. .*chmod/], ['plain', /is not executable/], ['deep', /is no regular file/], ['tool', /is no folder/, { kind: 'FOLDER' }],
    ['circle', /more than 40 links/], ['gone', /cannot be reached/], ['missing', /cannot be reached/], ['tool/below', /cannot be reached/], ['/dev/null', /regular file/, { kind: 'FILE', below: null }],
    // Without a list, nothing below a folder that everybody may write to, sticky or not.
    ['tool', /leads through \/tmp, which is writable|leads through .*, which is writable/, { below: null }], ['tool', /writable/, { below: 'ANYWHERE' }],
    // Listed is a folder that everybody may write to; that another of the list lies in it makes it no better.
    ['../elsewhere/tool', /leads through .*, which is writable/, { below: ['/tmp/nothing-here', tmpdir()] }], ['open/tool', /writable/, { below: [join(tmpdir(), 'x'), '/'] }],
  ])('%s: %s %j', async (name, reason, options = {}) => { await expect(look(name, options)).rejects.toThrow(reason) })

  it('is a link into a system folder, which would hide what is run', async () => {
    await expect(look('shell', { below: null })).rejects.toThrow(/leads to \/(usr\/)?bin\/.*\. The path lies in a folder of the system\./)
  })

  it.each<[string, number, number, number, boolean, boolean]>([
    ['a folder of root', 0, 0, 0o40755, false, true], ['one of the worker', 1000, 1000, 0o40700, false, true], ['a file of the worker', 1000, 1000, 0o100755, false, true],
    ['one for root\'s own group', 0, 0, 0o40775, false, true], ['a link, whatever its mode', 0, 0, 0o120777, false, true],
    ['a sticky folder above a listed one', 0, 0, 0o41777, true, true],
    ['one of somebody else', 1001, 0, 0o40755, false, false], ['somebody else\'s link', 1001, 0, 0o120777, false, false], ['somebody else\'s sticky folder', 1001, 0, 0o41777, true, false],
    ['one for a group', 0, 50, 0o42775, false, false], ['one for the worker\'s group', 1000, 1000, 0o40775, false, false], ['one for everybody', 0, 0, 0o40777, false, false],
    ['a sticky folder that is not above', 0, 0, 0o41777, false, false], ['one above that is not sticky', 0, 0, 0o40777, true, false], ['a file for everybody', 0, 0, 0o100757, false, false],
    ['a sticky file', 0, 0, 0o101777, true, false],
  ])('%s', (_, uid, gid, mode, isAbove, isTrusted) => { expect(weaknessOf({ uid, gid, mode }, 1000, isAbove) === null).toBe(isTrusted) })

  it('is noticed when it is replaced, changed or taken away after the check', async () => {
    const check = async (act: () => void) => {
      put('listed/new')
      const file = await look('new')
      expect(await file.isUnchanged()).toBe(true)
      act()
      return file.isUnchanged()
    }
    expect(await check(() => { put('listed/other'); renameSync(join(listed, 'other'), join(listed, 'new')) })).toBe(false)
    expect(await check(() => writeFileSync(join(listed, 'new'), 'evil'))).toBe(false)
    expect(await check(() => chmodSync(join(listed, 'new'), 0o700))).toBe(false)
    expect(await check(() => { rmSync(join(listed, 'new')); linkSync(join(listed, 'tool'), join(listed, 'new')) })).toBe(false)
    expect(await check(() => rmSync(join(listed, 'new')))).toBe(false)
  })
})

describe('S3: launchers', () => {
  const bin = (name: string, ...files: string[]) => {
    mkdirSync(join(root, name))
    for (const file of files) put(join(name, file))
    return join(root, name)
  }

  it('are found on the path, in folders that can be trusted; relative and empty parts are none', async () => {
    const launchers = createLaunchers(`:.:node_modules/.bin:${join(listed, 'open')}:${join(listed, 'sticky')}:${tmpdir()}:/no/such/folder:${listed}:${usualPath}:`)
    expect((await launchers.find('node')).real).toMatch(/^\/.*node/)
    expect((await launchers.find('tool')).real).toBe(join(listed, 'tool'))
    expect(await launchers.path()).toBe(`${listed}:${await createLaunchers(usualPath).path()}`)
    await expect(launchers.find('back')).rejects.toThrow(/There is no back on the worker's path\. Install it there.*Left out: .*\/open is writable for others/)
  })

  it('stay where they were found first, whatever is put before them later', async () => {
    const [early, late] = [bin('early'), bin('late', 'launch')]
    const launchers = createLaunchers(`${early}:${late}`)
    expect((await launchers.find('launch')).real).toBe(join(late, 'launch'))
    put('early/launch')
    expect((await launchers.find('launch')).real).toBe(join(late, 'launch'))
    expect((await createLaunchers(`${early}:${late}`).find('launch')).real).toBe(join(early, 'launch'))
    rmSync(join(late, 'launch'))
    expect((await launchers.find('launch')).real).toBe(join(early, 'launch'))
  })

  it('are refused when the first that is there cannot be trusted, rather than taken from further down', async () => {
    const [first, second] = [bin('first', 'launch'), bin('second', 'launch')]
    chmodSync(join(first, 'launch'), 0o777)
    await expect(createLaunchers(`${first}:${second}`).find('launch')).rejects.toThrow('launch is writable for others')
  })

  it.each(['../elsewhere/tool', '..', '.', '', 'deep/tool'])('are names: %j is none', async (name) => {
    await expect(createLaunchers(listed).find(name)).rejects.toThrow()
  })

  it.each(['', ':', '.', 'bin', './bin:../bin'])('are found nowhere on the path %j', async (path) => {
    const launchers = createLaunchers(path)
    await expect(launchers.find('node')).rejects.toThrow('There is no node')
    expect(await launchers.path()).toBe('')
  })
})
