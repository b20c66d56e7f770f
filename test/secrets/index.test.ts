import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { deploymentOwner } from '../../src/core/owner.js'
import { secretProviders } from '../../src/core/secret.js'
import { createSecretStore, type OutsideChange } from '../../src/secrets/index.js'

const place = { owner: deploymentOwner, name: 'token', version: 1, path: null, sealed: null }
const none = { keys: [], env: null, file: null, vault: null }

it('has the providers that are configured, and says of the others that they are not', async () => {
  const store = createSecretStore(none, () => {})
  expect(store.providers()).toEqual([])
  for (const provider of secretProviders) {
    expect(store.pathProblem(provider, 'a')).toMatch(`This server has no provider ${provider}.`)
    await expect(store.read({ ...place, provider })).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { field: 'name', mend: expect.stringContaining('configure') as string } })
  }
  await store.close()
})

it('reads from the provider of the record, and seals with the first key what any of them opens', async () => {
  const [first, second] = [randomBytes(32), randomBytes(32)]
  const before = createSecretStore({ ...none, keys: [second] }, () => {})
  const store = createSecretStore({ ...none, keys: [first, second], env: new Map([['A', 'from A']]) }, () => {})
  expect(store.providers()).toEqual(['sealed', 'env'])
  expect(await store.read({ ...place, provider: 'sealed', sealed: store.seal(place, 'a') })).toBe('a')
  expect(await store.read({ ...place, provider: 'sealed', sealed: before.seal(place, 'b') })).toBe('b')
  await expect(before.read({ ...place, provider: 'sealed', sealed: store.seal(place, 'c') })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await store.read({ ...place, provider: 'env', path: 'A' })).toBe('from A')
  expect([store.pathProblem('env', 'A'), store.pathProblem('env', 'B'), store.pathProblem('sealed', 'x')]).toEqual([null, expect.any(String), expect.any(String)])
})

it('tells which value of which provider changed, to whoever listens, and of those in use alone', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'pilothouse-store-'))
  await Promise.all(['a', 'b'].map((name) => writeFile(join(dir, name), 'one')))
  const store = createSecretStore({ ...none, file: { dir, everyMs: 20 } }, () => {})
  const heard: OutsideChange[] = []
  const stop = store.onChanged((change) => void heard.push(change))
  const next = () => new Promise<OutsideChange>((resolve) => {
    const end = store.onChanged((change) => {
      end()
      resolve(change)
    })
  })
  const read = (path: string) => store.read({ ...place, provider: 'file', path })
  await Promise.all(['a', 'b'].map(read))
  store.watch([{ provider: 'file', path: 'a' }, { provider: 'file', path: '../a' }, { provider: 'env', path: 'A' }, { provider: 'sealed', path: 'a' }])
  const first = next()
  await writeFile(join(dir, 'b'), 'two')
  await writeFile(join(dir, 'a'), 'two')
  expect(await first).toEqual({ provider: 'file', path: 'a' })
  stop()
  const second = next()
  await writeFile(join(dir, 'a'), 'three')
  expect(await second).toEqual({ provider: 'file', path: 'a' })
  expect(heard.every(({ path }) => path === 'a')).toBe(true)
  await store.close()
  await rm(dir, { recursive: true })
})
