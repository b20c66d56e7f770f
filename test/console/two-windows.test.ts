import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SetPolicyDocument } from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { usualPath } from '../../src/worker/launchers.js'
import { hasBrowser, refusalsOf, signIn, startBrowser } from '../support/chromium.js'
import { serverScript } from '../support/mcp-servers.js'
import { type Person, startTestServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pilothouse-windows-')))
  writeFileSync(join(folder, 'server.mjs'), `process.argv[2] = 'stdio'\nawait import(${JSON.stringify(pathToFileURL(serverScript('everything')).href)})`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.runIf(hasBrowser)('two windows', () => {
  const { server, browser } = shared({ server: () => startTestServer({ desk: { reportedMs: 50 } }), browser: startBrowser })
  const open = async (who: Person, path: string) => {
    const page = await browser.lend(server.url)
    page.setDefaultTimeout(9000)
    await signIn(page, who.token, path)
    return page
  }
  const badge = (page: Page, word: string) => page.getByRole('main').getByText(word, { exact: true }).first().waitFor()
  const inDialog = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true }).click()

  it('S3, S5, S13: what one pastes another approves, a live session gets it and it is seen; what is revoked is lost, and both see the receipt complete', async () => {
    await server.admin.client.execute(SetPolicyDocument, { input: { owner: { kind: 'DEPLOYMENT' }, expectedRevision: 0, document: { stdio: { directories: [folder] } } } })
    const ada = await server.user('ada')
    const worker = closing(await createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId: 'desk-1', graceMs: 100, env: { PATH: usualPath } }))
    const host = mcpAdapter()
    closing(await worker.openSession({ id: 'session-1', owner: { kind: 'USER', id: ada.id }, adapter: host }))
    const [hers, admins] = await Promise.all([open(ada, '/integrations/add'), open(server.admin, '/integrations')])

    await hers.getByLabel('Paste JSON').fill(JSON.stringify({ mcpServers: { echo: { command: 'node', args: [join(folder, 'server.mjs')] } } }))
    await hers.getByText('An admin has to approve this command line:').waitFor()
    await hers.getByRole('button', { name: 'Add', exact: true }).click()
    await hers.getByRole('heading', { level: 1, name: 'echo is saved' }).waitFor()
    await badge(hers, 'waits for approval')
    expect(await host.listTools()).toEqual([])

    await admins.getByRole('link', { name: 'Approvals 1 waiting' }).click()
    await admins.getByRole('link', { name: /echo.*ada asked/ }).click()
    expect(await admins.getByRole('region', { name: 'Exact text: Command line' }).innerText()).toBe(`node ${join(folder, 'server.mjs')}`)
    await admins.getByRole('button', { name: 'Approve…' }).click()
    await admins.getByRole('dialog').getByText('1 worker has sessions that will get it now.').waitFor()
    const arrived = new Promise<void>((resolve) => host.onToolsChanged(resolve))
    await inDialog(admins, 'Approve')
    await badge(hers, 'active')
    await hers.getByRole('listitem').filter({ hasText: /session-1 on desk-1\s*applied/ }).waitFor()
    await arrived
    expect((await host.callTool('echo-echo', { message: 'from the browser' })).content).toMatchObject([{ text: 'Echo: from the browser' }])

    await hers.getByRole('link', { name: 'Open it' }).click()
    await hers.getByRole('list', { name: 'Sessions that run it' }).getByText('applied', { exact: true }).waitFor()
    await admins.goto(new URL(hers.url()).pathname)
    await admins.getByRole('button', { name: 'Revoke', exact: true }).click()
    await admins.getByText('1 live session on 1 worker will lose it now.').waitFor()
    await admins.getByLabel('Reason').fill('Not needed any more.')
    await inDialog(admins, 'Revoke')
    await admins.waitForURL('**/revocations/rev_*')
    await badge(hers, 'revoked')
    await hers.getByRole('list', { name: 'Receipts' }).getByRole('link', { name: 'Not needed any more.' }).click()
    for (const page of [admins, hers]) await page.getByText('1 of 1 session stopped. It runs nowhere any more.').waitFor()
    expect(await host.listTools()).toEqual([])
    await expect(host.callTool('echo-echo', { message: 'once more' })).rejects.toMatchObject({ code: 'UNKNOWN_TOOL' })
    for (const page of [hers, admins]) expect(await refusalsOf(page)).toEqual([])
  })
})
