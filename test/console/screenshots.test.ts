import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { env } from 'node:process'
import { type BrowserContextOptions, type Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { RegisterMcpServerDocument, type RegisterMcpServerInput, RevokeEntryDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { hasBrowser, signIn, startBrowser } from '../support/chromium.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startTestServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))

/** Runs in the page: what differs from run to run is the same in every picture, so that a picture that changed shows something that changed. */
const sameEachTime = `
  for (const time of document.querySelectorAll('time')) time.textContent = '2 minutes ago';
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const counts = {};
  const names = {};
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const fixed = node.data.replace(/\\b([a-z]{2,5})_[0-9a-f]{24}\\b/g, (id, kind) => names[id] ??= kind + '_' + String(counts[kind] = (counts[kind] ?? 0) + 1).padStart(24, '0'))
      .replace(/\\b[0-9a-f]{64}\\b/g, 'c0ffee'.repeat(11).slice(0, 64))
      .replace(/\\b[0-9a-f]{8}-\\d{14}\\b/g, '0a1b2c3d-00000000000042')
      .replace(/\\b\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d UTC\\b/g, '2026-12-26 09:00 UTC')
      .replace(/\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d+)?)?Z/g, '2026-11-26T09:00:00Z');
    if (fixed !== node.data) node.data = fixed;
  }`

/** The pictures of the docs. Made anew by `npm run screenshots` alone, so that a test run changes no file. */
describe.runIf(hasBrowser && env.PILOTHOUSE_SCREENSHOTS !== undefined)('pictures of the console', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  let ada: Person
  let crew: string
  let tickets: string
  let receipt: string
  let files: string

  const picture = async (name: string, who: Person, path: string, ready: (page: Page) => Promise<unknown>, options: BrowserContextOptions = {}) => {
    const page = await browser.open(server.url, options)
    closing(page.context())
    await signIn(page, who.token, path)
    await ready(page)
    await page.evaluate(sameEachTime)
    const { length } = await page.screenshot({ path: `${folder}${name}.png` })
    expect(length).toBeLessThan(150_000)
  }
  const register = async (who: Person, input: Omit<RegisterMcpServerInput, 'owner'> & Partial<RegisterMcpServerInput>) =>
    (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, ...input } })).registerMcpServer
  const remote = (name: string, description: string) => ({ name, definition: { description, transport: { http: { url: `https://${name}.example.com/mcp` } } } })

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true })
    const grace = await server.user('Grace')
    ada = await server.user('Ada')
    crew = await server.team('platform', [[grace, 'MAINTAINER'], [ada, 'MEMBER']])
    const team = { kind: 'TEAM', id: crew } as const
    const machines = [await server.worker(), await server.worker()]
    const [made, wiki] = [await register(grace, { owner: team, ...remote('tickets', 'Finds and answers support tickets.') }), await register(ada, remote('wiki', 'Reads the handbook.'))]
    const filesOf = (version: string) => ({ description: 'Reads and writes the folder of a project.', transport: { stdio: { command: 'npx', args: ['-y', `@modelcontextprotocol/server-filesystem@${version}`, '/srv/projects/atlas'] } } })
    files = (await register(ada, { name: 'files', definition: filesOf('2026.7.1') })).mcpServer.id
    await ada.client.execute(UpdateMcpServerDocument, { input: { id: files, expectedRevision: 1, definition: filesOf('2026.8.31') } })
    const { cursor } = await register(grace, { owner: team, name: 'database', definition: { description: 'Answers questions about orders.', transport: { stdio: { command: 'uvx', args: ['postgres-mcp==1.4.0', '--read-only'] } } } })
    tickets = made.mcpServer.id
    const entries = [applied('tickets', { entryId: tickets }), applied('wiki', { entryId: wiki.mcpServer.id })]
    await report(machines[0]!, 'desk-1', 1, [sessionOf(ada, 'planning', { agent: 'planner', cursor, entries }), sessionOf(ada, 'triage', { agent: 'helper', cursor, entries: entries.slice(0, 1) })])
    const revoked = await ada.client.execute(RevokeEntryDocument, { input: { id: wiki.mcpServer.id, reason: 'The key of the handbook leaked.' } })
    receipt = revoked.revokeEntry.revocation.id
    const last = revoked.revokeEntry.cursor
    await report(machines[0]!, 'desk-1', 2, [
      sessionOf(ada, 'planning', { agent: 'planner', cursor: last, entries: [applied('tickets', { entryId: tickets }), applied('wiki', { entryId: wiki.mcpServer.id, state: 'STOPPED', revision: 2 })] }),
      sessionOf(ada, 'triage', { agent: 'helper', cursor: last, entries: entries.slice(0, 1) }),
    ])
    await report(machines[1]!, 'desk-2', 1, [sessionOf(grace, 'on-call', { agent: 'helper', cursor: last, entries: [
      applied('tickets', { entryId: tickets }), applied('shell', { origin: '/srv/agents/plugin/.mcp.json', revision: null }),
    ] })])
  })

  const detailIsThere = (page: Page) => page.getByText('Yes, in your sessions.').waitFor()
  const sessionsAreThere = async (page: Page) => {
    await detailIsThere(page)
    await page.getByRole('list', { name: 'Sessions that run it' }).getByText('triage').waitFor()
    await page.getByText('1 of 1 worker is current.').waitFor()
    await page.getByRole('heading', { name: 'Can I use it?' }).evaluate((heading) => heading.scrollIntoView())
  }
  const openFiles = async (page: Page) => {
    await page.getByRole('link', { name: /files.*Ada asked/ }).click()
    await page.getByRole('button', { name: 'Approve…' }).waitFor()
    await page.getByText(/that will get it now\./).waitFor()
  }
  it.each<[name: string, who: () => Person, path: () => string, ready: (page: Page) => Promise<unknown>, options?: BrowserContextOptions]>([
    ['integration', () => ada, () => `/integrations/all/${tickets}`, sessionsAreThere, { viewport: { width: 1280, height: 824 } }],
    ['revision', () => ada, () => `/integrations/all/${files}/revision-2`, (page) => page.getByRole('region', { name: 'What revision 2 changed' }).waitFor(), { viewport: { width: 1280, height: 640 } }],
    ['approval-dark', () => server.admin, () => '/approvals', openFiles, { colorScheme: 'dark' }],
    ['integration-narrow', () => ada, () => `/integrations/all/${tickets}`, async (page) => {
      await page.setViewportSize({ width: 390, height: 844 })
      await detailIsThere(page)
    }],
    ['approval', () => server.admin, () => '/approvals', openFiles],
    ['receipt', () => ada, () => `/revocations/${receipt}`, (page) => page.getByRole('list', { name: 'Sessions that had it' }).getByText('stopped', { exact: true }).waitFor()],
    ['workers', () => server.admin, () => '/workers', async (page) => {
      await page.getByRole('link', { name: /desk-2/ }).click()
      await page.getByText('/srv/agents/plugin/.mcp.json').waitFor()
    }],
    ['add', () => ada, () => '/integrations/add', async (page) => {
      await page.getByLabel('Paste JSON').fill(JSON.stringify({ mcpServers: { github: { type: 'http', url: 'https://github.example.com/mcp', headers: { Authorization: `Bearer ghp_${'a1B2'.repeat(9)}` } } } }))
      await page.getByRole('button', { name: /^Store as secret/ }).waitFor()
      await page.getByRole('button', { name: /^Store as secret/ }).scrollIntoViewIfNeeded()
      await page.getByText('would be refused').waitFor()
    }],
  ])('%s', async (name, who, path, ready, options) => {
    await picture(name, who(), path(), ready, options)
  })
})
