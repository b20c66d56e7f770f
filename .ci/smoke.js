/**
 * The packed package in the hands of somebody else, on Node 24:  node .ci/smoke.js FOLDER
 *
 * Packs what was built, looks at what is inside, installs it into a copy of examples/integrator, checks the types that it
 * brings, and plays a story with it: server on an empty data folder, command line, the example's worker, a clean stop.
 * Reaches for no network but the npm registry; what it starts it also ends, whatever happens.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import { env, execPath, versions } from 'node:process'
import { fileURLToPath } from 'node:url'

const folder = process.argv[2]
assert(folder, 'usage: node .ci/smoke.js FOLDER')
const root = fileURLToPath(new URL('..', import.meta.url))
const project = join(folder, 'project')
const dataDir = join(folder, 'data')
const running = new Set()

/** Everything a process says, and how it ends. It gets nothing of our environment but what finds programs, and `more`. */
function start(command, args, { cwd = project, more = {} } = {}) {
  const { PATH, HOME, TMPDIR } = env
  const child = spawn(command, args, { cwd, env: { PATH, HOME, TMPDIR, ...more }, stdio: ['ignore', 'pipe', 'pipe'] })
  const one = { child, out: '', err: '' }
  const checks = new Set()
  child.stdout.setEncoding('utf8').on('data', (text) => { one.out += text; checks.forEach((check) => check()) })
  child.stderr.setEncoding('utf8').on('data', (text) => { one.err += text; checks.forEach((check) => check()) })
  running.add(one)
  one.ended = once(child, 'close').then(([code, signal]) => {
    running.delete(one)
    return code ?? signal
  })
  one.said = () => `${one.out}${one.err}`.trimEnd()
  one.says = (pattern) => new Promise((resolve, reject) => {
    const check = () => {
      const match = pattern.exec(one.out)
      if (match !== null && checks.delete(check)) resolve(match)
    }
    checks.add(check)
    check()
    one.ended.then((code) => reject(new Error(`${[command, ...args].join(' ')} ended with ${code} and never said ${pattern}:\n${one.said()}`)))
  })
  return one
}

async function run(command, args, options) {
  const one = start(command, args, options)
  const code = await one.ended
  assert.equal(code, 0, `${[command, ...args].join(' ')} ended with ${code}:\n${one.said()}`)
  return one.out
}

/** npm may need settings of the environment, as a registry or a proxy. */
const npm = (args, cwd, more = {}) => run('npm', args, { cwd, more: { ...env, ...more } })
const installing = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']

async function stopAll() {
  for (const { child } of running) child.kill('SIGTERM')
  await Promise.all([...running].map(({ ended }) => ended))
}

async function pack() {
  // Built before; `prepare` would only build once more.
  const [{ filename, files }] = JSON.parse(await npm(['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root))
  const paths = files.map(({ path }) => path)
  const { bin, exports } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const { entries } = JSON.parse(await readFile(join(root, 'drizzle/meta/_journal.json'), 'utf8'))
  const needed = [
    'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'drizzle/meta/_journal.json', ...entries.map(({ tag }) => `drizzle/${tag}.sql`), ...Object.values(bin),
    ...Object.values(exports).flatMap((one) => typeof one === 'string' ? [one] : Object.values(one)),
  ].map((path) => path.replace(/^\.\//, ''))
  assert.deepEqual(needed.filter((path) => !paths.includes(path)), [], 'files that the package lacks')
  const isStrange = (path) => /(^|\/)(test|examples|bench|\.)|\.test\.|tsbuildinfo|(?<!\.d)\.ts$|\.tgz$|admin-token|(audit|secret)\.key/.test(path)
  assert.deepEqual(paths.filter(isStrange), [], 'files that do not belong into the package')
  console.log(`packed ${filename}: ${paths.length} files`)
  return join(folder, filename)
}

/** The binary of Node 24: the one that runs this, or the registry's package. */
async function findNode() {
  if (Number(versions.node.split('.')[0]) >= 24) return execPath
  const cwd = join(folder, 'node')
  await mkdir(cwd)
  await writeFile(join(cwd, 'package.json'), '{ "private": true }')
  await npm([...installing, 'node@24'], cwd)
  return join(cwd, 'node_modules/node/bin/node')
}

async function install(tarball, node) {
  await cp(join(root, 'examples/integrator'), project, { recursive: true, filter: (path) => !path.includes('node_modules') })
  await cp(tarball, join(project, 'pilothouse.tgz'))
  await npm([...installing, '--omit=dev'], project, { PATH: `${dirname(node)}${delimiter}${env.PATH}` })
  const packages = await readdir(join(project, 'node_modules'))
  // Whoever installs it builds nothing: there is no compiler to build with.
  assert(!packages.includes('typescript') && !packages.includes('vitest'), 'tools of the project came along')
  const { resolve } = createRequire(join(root, 'package.json'))
  const types = dirname(dirname(resolve('@types/node/package.json')))
  for (const config of ['tsconfig.json', 'tsconfig.bundler.json']) {
    await run(execPath, [resolve('typescript/lib/tsc.js'), '-p', config, '--typeRoots', types])
  }
  console.log('installed; the types hold with module resolution node16 and bundler, libraries checked')
}

async function play(node) {
  const bin = join(project, 'node_modules/pilothouse/dist/cli/bin.js')
  console.log(`the story, on Node ${(await run(node, ['--version'])).trim()}`)
  const server = start(node, [bin, 'serve'], { more: { PORT: '0', HOST: '127.0.0.1', PILOTHOUSE_DATA_DIR: dataDir } })
  const [url] = await server.says(/http:\/\/[\w.:[\]-]+\/graphql/)
  const atServer = { PILOTHOUSE_URL: url, PILOTHOUSE_DATA_DIR: dataDir }
  const pilothouse = (...args) => run(node, [bin, ...args], { more: atServer })

  const token = (await pilothouse('token', 'create', '--name', 'smoke', '--expires-in-days', '1')).trim()
  assert.match(token, /^pht_[\w-]{43}$/)
  await writeFile(join(project, '.mcp.json'), JSON.stringify({ mcpServers: { docs: { type: 'http', url: 'https://docs.example.com/mcp' } } }))
  assert.match(await pilothouse('import', '.mcp.json', '--dry-run'), /^CREATED +docs\b[^]*Dry run: nothing was written\./)
  console.log('  a server on an empty data folder; a token; an import that only says what it would do')

  const watching = start(node, [bin, 'watch', '--owner', 'me', '--json'], { more: atServer })
  await watching.says(/\n/)
  const example = await run(node, ['index.js'], { more: { PILOTHOUSE_URL: url, PILOTHOUSE_TOKEN: token } })
  console.log(example.trimEnd().replaceAll(/^/gm, '  | '))
  await watching.says(/"reason":"DELETED"/)
  const [first, ...deltas] = watching.out.trimEnd().split('\n').map((line) => JSON.parse(line))
  assert.deepEqual([first.__typename, first.mcpServers], ['CatalogSnapshot', []])
  const steps = deltas.flatMap(({ upserted, removed }) => [...upserted.map(({ revision }) => `revision ${revision}`), ...removed.map(({ reason }) => reason)])
  assert.deepEqual(steps, ['revision 1', 'DISABLED', 'revision 3', 'DELETED'])
  console.log(`  pilothouse watch saw all of it: ${steps.join(', ')}`)

  const postmaster = Number((await readFile(join(dataDir, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])
  for (const one of [watching, server]) {
    one.child.kill('SIGTERM')
    assert.equal(await one.ended, 0, one.said())
  }
  assert.throws(() => process.kill(postmaster, 0), { code: 'ESRCH' }, `Postgres (${postmaster}) outlived the server`)
  assert.equal(server.err, '', 'the server had something to complain about')
  console.log('  stopped cleanly, and Postgres with it')
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void stopAll().then(() => process.exit(1)))
}
const tooLong = setTimeout(() => {
  console.error('no end after five minutes; what still runs said:')
  for (const one of running) console.error(one.said())
  void stopAll().then(() => process.exit(1))
}, 300_000)
try {
  await mkdir(folder, { recursive: true })
  const tarball = await pack()
  const node = await findNode()
  await install(tarball, node)
  await play(node)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  clearTimeout(tooLong)
  await stopAll()
}
