import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createCatalogClient, UsersDocument, ViewerDocument } from '../../src/client/index.js'
import { isRunning, serverPid, until } from '../support/embedded.js'
import { pilothouse, type RunningProcess } from '../support/process.js'

let dataDir: string
let running: RunningProcess[]
beforeEach(async () => {
  dataDir = join(await mkdtemp(join(tmpdir(), 'pilothouse-first-')), 'data')
  running = []
})
afterEach(async () => {
  await Promise.all(running.map((server) => server.stop('SIGKILL')))
  const pid = await serverPid(dataDir)
  if (await isRunning(pid)) process.kill(pid, 'SIGQUIT')
  await until('the server of a killed start is gone', async () => !(await isRunning(pid)))
  await rm(join(dataDir, '..'), { recursive: true, force: true })
})

function serve(): RunningProcess {
  const server = pilothouse(['serve'], { PILOTHOUSE_DATA_DIR: dataDir, PORT: '0', HOST: '127.0.0.1' })
  running.push(server)
  return server
}

const has = (pattern: RegExp) => async () => (await readdir(dataDir, { recursive: true }).catch(() => [])).some((name) => pattern.test(name))

/** Killed as soon as a file of that name lies in the data folder: the start has come just as far. */
async function killOnce(pattern: RegExp): Promise<void> {
  const server = serve()
  await until(`${pattern} is there`, has(pattern))
  expect(await server.stop('SIGKILL')).toBe('SIGKILL')
}

async function answers(server: RunningProcess): Promise<string> {
  return (await server.says(/http:\/\/\S+\/graphql/))[0]
}

it('S17: a first start that was killed at every step is finished by the next one: one admin, whose token opens', async () => {
  // In the order in which a start makes them; initdb has tests of its own.
  for (const step of [/^postgres-password/, /^postgres\/postmaster\.pid$/, /^audit\.key/, /^secret\.key/, /^admin-token/]) await killOnce(step)
  const server = serve()
  const url = await answers(server)
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  const client = createCatalogClient({ url, token })
  expect((await client.execute(ViewerDocument)).viewer.user).toMatchObject({ provider: 'local', subject: 'admin', role: 'ADMIN' })
  expect((await client.execute(UsersDocument, {})).users.nodes).toHaveLength(1)
  expect(await server.stop()).toBe(0)
  expect((await readdir(dataDir)).sort()).toEqual(['admin-token', 'audit.key', 'postgres', 'postgres-password', 'postgres.log', 'secret.key'])
}, 120_000)

it('a second server on a data folder adopts the Postgres that runs there, and leaves it running when it goes', async () => {
  const first = serve()
  const url = await answers(first)
  const pid = await serverPid(dataDir)
  const second = serve()
  const otherUrl = await answers(second)
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()
  const [mine, others] = await Promise.all([url, otherUrl].map((each) => createCatalogClient({ url: each, token }).execute(ViewerDocument)))
  expect(others).toEqual(mine)
  expect(await second.stop()).toBe(0)
  expect(await serverPid(dataDir)).toBe(pid)
  expect(await createCatalogClient({ url, token }).execute(ViewerDocument)).toEqual(mine)
  expect(await first.stop()).toBe(0)
  expect(await isRunning(pid)).toBe(false)
})
