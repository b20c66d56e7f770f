import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deploymentOwner } from '../../src/core/owner.js'
import { createFileProvider } from '../../src/secrets/file.js'
import { type SecretProvider } from '../../src/secrets/provider.js'
import { changeListener, secretProviderConformance, waysOut } from '../suites/secret-provider-conformance.js'

const at = (path: string) => ({ owner: deploymentOwner, name: 'token', version: 1, path, sealed: null })
const newFolder = () => mkdtemp(join(tmpdir(), 'pilothouse-secrets-'))

/** As the kubelet does it: a folder with a date, `..data` that leads to it and is swapped in one step, and a link for each key. */
function kubernetesMount(dir: string) {
  let count = 0
  return {
    put: async (files: Record<string, string>) => {
      const folder = `..2026_01_01_00_00_${++count}`
      await mkdir(join(dir, folder))
      for (const [name, text] of Object.entries(files)) await writeFile(join(dir, folder, name), text)
      await symlink(folder, join(dir, '..data_tmp'))
      await rename(join(dir, '..data_tmp'), join(dir, '..data'))
      for (const name of Object.keys(files)) await symlink(join('..data', name), join(dir, name)).catch(() => {})
      await rm(join(dir, `..2026_01_01_00_00_${count - 1}`), { recursive: true, force: true })
    },
    remove: (name: string) => rm(join(dir, name)),
  }
}

secretProviderConformance('file', async (tools) => {
  const dir = await newFolder()
  const mount = kubernetesMount(dir)
  return {
    provider: createFileProvider({ dir, everyMs: 200 }, tools), missing: at('absent'), refused: waysOut, canaries: [dir],
    put: async (value) => {
      await mount.put({ token: `${value}\n`, other: 'other' })
      return at('token')
    },
    breakIt: async (place) => {
      await rename(dir, `${dir}-away`)
      return place
    },
    remove: () => mount.remove('token'),
    close: async () => { for (const each of [dir, `${dir}-away`]) await rm(each, { recursive: true, force: true }) },
  }
})

describe('S16: the folder of secrets', () => {
  let dir: string
  let outside: string
  let provider: SecretProvider
  beforeAll(async () => {
    [dir, outside] = await Promise.all([newFolder(), newFolder()])
    provider = createFileProvider({ dir }, changeListener().tools)
    await mkdir(join(dir, 'sub'))
    await mkdir(join(outside, 'sub'))
    const files: Array<[string, string | Buffer]> = [
      ['plain', 'value'], ['sub/inner', 'inner'], ['two', 'value\n\n'], ['windows', 'value\r\n'], ['empty', ''], ['newline', '\n'], ['large', 'x'.repeat(65_537)], ['full', `${'x'.repeat(65_536)}\n`], ['binary', Buffer.from([0xff, 0xfe])],
    ]
    for (const [name, text] of files) await writeFile(join(dir, name), text)
    await writeFile(join(outside, 'canary'), 'canary-value')
    const links: Array<[to: string, name: string]> = [
      ['plain', 'link'], ['sub', 'linked-folder'], [join(dir, 'plain'), 'absolute'], ['sub/../plain', 'round'], [join(outside, 'canary'), 'out'], [outside, 'out-folder'],
      [join('..', outside.split('/').at(-1)!, 'canary'), 'out-relative'], ['self', 'self'], ['nowhere', 'dangling'], ['/dev/zero', 'device'],
    ]
    for (const [to, name] of links) await symlink(to, join(dir, name))
    // Its name begins like the folder's.
    await mkdir(`${dir}-other`)
    await writeFile(join(`${dir}-other`, 'canary'), 'canary-value')
    await symlink(join(`${dir}-other`, 'canary'), join(dir, 'beside'))
    execFileSync('mkfifo', [join(dir, 'pipe')])
  })
  afterAll(async () => {
    await provider.close()
    for (const each of [dir, outside, `${dir}-other`]) await rm(each, { recursive: true, force: true })
  })

  it.each([
    ['plain', 'value'], ['sub/inner', 'inner'], ['two', 'value\n'], ['windows', 'value'], ['full', 'x'.repeat(65_536)], ['link', 'value'], ['linked-folder/inner', 'inner'], ['absolute', 'value'], ['round', 'value'],
  ])('gives what is in it: %s', async (path, value) => expect(await provider.read(at(path))).toBe(value))

  it.each([
    ['out', 'UNAVAILABLE'], ['out-folder/canary', 'UNAVAILABLE'], ['out-relative', 'UNAVAILABLE'], ['beside', 'UNAVAILABLE'], ['self', 'UNAVAILABLE'], ['device', 'UNAVAILABLE'], ['pipe', 'UNAVAILABLE'], ['sub', 'UNAVAILABLE'],
    ['large', 'UNAVAILABLE'], ['binary', 'UNAVAILABLE'], ['../canary', 'UNAVAILABLE'], ['empty', 'SECRET_NOT_FOUND'], ['newline', 'SECRET_NOT_FOUND'], ['dangling', 'SECRET_NOT_FOUND'], ['plain/inner', 'SECRET_NOT_FOUND'],
  ])('gives nothing of what leads out, or is no value: %s', async (path, code) => {
    const error = await provider.read(at(path)).then(() => null, (refused: Error) => refused)
    expect(error).toMatchObject({ code })
    expect(error!.message).not.toMatch(/canary|value-/)
  })

  it('gives nothing of a file that it may not read', async () => {
    await writeFile(join(dir, 'locked'), 'canary-value')
    await chmod(join(dir, 'locked'), 0)
    // As root everything may be read.
    const expected = process.getuid!() === 0 ? 'canary-value' : 'UNAVAILABLE'
    expect(await provider.read(at('locked')).catch((error: { code: string }) => error.code)).toBe(expected)
  })
})

it('many swaps in a row: the newest value is what is read after the last word of a change', async () => {
  const dir = await newFolder()
  const listener = changeListener()
  const provider = createFileProvider({ dir, everyMs: 100 }, listener.tools)
  const mount = kubernetesMount(dir)
  await mount.put({ token: '0' })
  provider.watch!(new Set(['token']))
  expect(await provider.read(at('token'))).toBe('0')
  for (let count = 1; count <= 20; count++) {
    await mount.put({ token: String(count) })
    const value = await provider.read(at('token'))
    expect(Number(value)).toBe(count)
  }
  // Each read that met another value than before told so, and so does the look that comes by itself.
  await listener.heard(20)
  const before = listener.changes.length
  await mount.put({ token: 'last' })
  await listener.heard(before + 1)
  await provider.close()
  await rm(dir, { recursive: true })
})
