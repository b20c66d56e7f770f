import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { ConvergenceDocument, McpServerDocument, ReportToolInventoryDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { mcpAdapter } from '../../src/worker/adapters/mcp.js'
import { createCatalogWorker } from '../../src/worker/index.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

const hostile = '<img src=x onerror="document.title=1"> \u202egnp.js'
const shownHostile = '<img src=x onerror="document.title=1"> \\u{202e}gnp.js'

describe.runIf(hasBrowser)('an MCP server in the console', () => {
  const { server, browser } = shared({ server: startLoopbackServer, browser: startBrowser })
  const open = (who: Person, path: string) => browser.enter(server.url, who.token, path)
  const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
  const confirm = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true }).click()
  const badge = (page: Page, word: string) => page.locator('h1 + span').getByText(word, { exact: true })

  it('S13: an admin revokes it, a live session loses its tools, and both windows see the receipt complete; asked back, it waits', async () => {
    const who = await server.user('loses')
    const upstream = closing(await startTestMcpServer([{ name: 'add' }]))
    const worker = closing(await createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId: 'desk' }))
    const host = mcpAdapter()
    const { id, cursor } = await server.register(who, 'shared-tool', { url: upstream.url })
    const session = await worker.openSession({ id: 's1', owner: { kind: 'USER', id: who.id }, adapter: host })
    const [his, admins] = [await open(who, `/integrations/me/${id}`), await open(server.admin, `/integrations/all/${id}`)]
    await session.settled(cursor)
    const runs = (page: Page) => page.getByRole('list', { name: 'Sessions that run it' })
    await runs(his).getByText('applied', { exact: true }).waitFor()
    expect(await host.listTools()).toHaveLength(1)

    await button(admins, 'Revoke').click()
    await admins.getByText('1 live session on 1 worker will lose it now.').waitFor()
    await admins.getByLabel('Reason').fill('Key leaked.')
    await admins.getByText(`pilothouse revoke shared-tool --reason 'Key leaked.' --owner user:${who.id}`).waitFor()
    await confirm(admins, 'Revoke')
    await admins.waitForURL('**/revocations/rev_*')
    await badge(admins, 'complete').waitFor()
    await admins.getByText('1 of 1 session stopped. It runs nowhere any more.').waitFor()
    expect(await host.listTools()).toEqual([])
    await his.getByRole('list', { name: 'Receipts' }).getByRole('link', { name: 'Key leaked.' }).click()
    await badge(his, 'complete').waitFor()
    await his.getByRole('list', { name: 'Sessions that had it' }).getByText('stopped', { exact: true }).waitFor()

    await button(his, 'Ask for it back').click()
    await his.getByText('waits for the approval of somebody else').waitFor()
    await his.getByRole('link', { name: 'Open shared-tool' }).click()
    await badge(his, 'waits for approval').waitFor()
    expect([await refusalsOf(his), await refusalsOf(admins)]).toEqual([[], []])
  })

  it('disables with the way back, rolls back with the way back, and deletes into a receipt', async () => {
    const who = await server.user('acts')
    const { id } = await server.register(who, 'acted-on')
    await who.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://second.example.com/mcp' } } } } })
    const page = await open(who, `/integrations/me/${id}`)
    await button(page, 'Disable').click()
    await page.getByText('No live session that you may see has it.').waitFor()
    await confirm(page, 'Disable')
    await badge(page, 'disabled').waitFor()
    await button(page, 'Undo: enable it').click()
    await badge(page, 'active').waitFor()

    await page.getByText('Revision 1, by acts').click()
    await button(page, 'Roll back to revision 1').click()
    await page.getByRole('region', { name: 'What the rollback changes' }).getByText('https://acted-on.example.com/mcp').waitFor()
    await confirm(page, 'Roll back')
    await page.getByText('Revision 5 is as revision 1 was.').waitFor()
    await page.getByRole('link', { name: 'https://acted-on.example.com/mcp' }).waitFor()
    await button(page, 'Undo: back to revision 4').click()
    await page.getByRole('link', { name: 'https://second.example.com/mcp' }).waitFor()

    await button(page, 'Delete').click()
    await confirm(page, 'Delete')
    await page.getByText('No session had it: there is nothing to wait for.').waitFor()
    await page.getByText('acted-on is gone').waitFor()
  })

  it('opens what is long beside the detail: at its own address, with the keyboard in it, as new as the rest, and closed by Escape', async () => {
    const who = await server.user('reader')
    const { id } = await server.register(who, 'read')
    const page = await open(who, `/integrations/me/${id}`)
    const link = (name: RegExp) => page.getByRole('link', { name })
    const focused = (role: 'link' | 'region', name: RegExp) => page.getByRole(role, { name }).and(page.locator(':focus')).waitFor()
    await link(/^As in/).press('Enter')
    await focused('region', /^As in \.mcp\.json$/)
    await page.getByRole('region', { name: 'Entry of .mcp.json' }).getByText('read.example.com').waitFor()
    await who.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: { transport: { http: { url: 'https://newer.example.com/mcp' } } } } })
    await page.getByRole('region', { name: 'Entry of .mcp.json' }).getByText('newer.example.com').waitFor()
    // From one to the other, and back to the detail at once.
    await link(/^Revision 2/).press('Enter')
    await focused('region', /^Revision 2$/)
    expect(new URL(page.url()).pathname).toBe(`/integrations/me/${id}/revision-2`)
    await page.keyboard.press('Escape')
    await focused('link', /^Revision 2/)
    expect(new URL(page.url()).pathname).toBe(`/integrations/me/${id}`)
    await page.goForward()
    await page.getByRole('region', { name: 'What revision 2 changed' }).waitFor()
    // The whole page is loaded anew, and none of it is there before.
    await page.reload()
    await page.getByRole('region', { name: 'What revision 2 changed' }).waitFor()
    // Pressed twice, it leaves no more than the workspace.
    await button(page, 'Close').evaluate((close: HTMLButtonElement) => { close.click(); close.click() })
    await page.getByRole('region', { name: 'What revision 2 changed' }).waitFor({ state: 'detached' })
    // Where there is no room for all, it stands in the place of the detail.
    await page.setViewportSize({ width: 1100, height: 800 })
    await link(/^Revision 1/).click()
    await page.getByRole('region', { name: 'What revision 1 changed' }).waitFor()
    expect(await button(page, 'Share').isVisible()).toBe(false)
    await button(page, 'Back').click()
    await button(page, 'Share').waitFor()
    await page.goto(`/integrations/me/${id}/revision-9`)
    await page.getByText('Yes, in your sessions.').waitFor()
    expect(await page.getByRole('button', { name: /^(Close|Back)$/ }).count()).toBe(0)
  })

  it('shares with a team, and says who loses it when that is taken back', async () => {
    const [who, mate] = [await server.user('sharer'), await server.user('mate')]
    await server.team('crew', [[who, 'MAINTAINER'], [mate, 'MEMBER']])
    const { id } = await server.register(who, 'lent')
    const page = await open(who, `/integrations/me/${id}`)
    const matesWindow = await open(mate, `/integrations/all/${id}`)
    await matesWindow.getByRole('heading', { name: 'Not there' }).waitFor()
    await button(page, 'Share').click()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Those whom I name')
    await page.getByRole('button', { name: 'Add team crew' }).click()
    await page.getByText('pilothouse share lent team:').waitFor()
    await confirm(page, 'Share')
    await page.getByText('Shared as you said.').waitFor()
    await matesWindow.getByText('Yes, in your sessions.').waitFor()
    expect(await button(matesWindow, 'Share').count()).toBe(0)
    await button(page, 'Share').click()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Nobody else')
    await page.getByText('Whoever it is not shared with any more loses it.').waitFor()
    // What others change while one looks is not overwritten unseen.
    await who.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 2, apply: 'NOW' } })
    await page.getByText('Revision 3, by sharer').waitFor()
    await confirm(page, 'Share')
    await page.getByRole('dialog').getByText('REVISION_CONFLICT').waitFor()
    await confirm(page, 'Cancel')
    await button(page, 'Share').click()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Nobody else')
    await confirm(page, 'Share')
    await matesWindow.getByRole('heading', { name: 'Not there' }).waitFor()
  })

  it('lists by transport, and what workers bring along with its place; a filtered list is a link', async () => {
    const who = await server.user('filters')
    await server.register(who, 'far')
    await server.register(who, 'near', { definition: { transport: { stdio: { command: 'npx', args: ['-y', 'near@1.0.0'] } } } })
    await report(await server.worker(), 'filtering', 1, [sessionOf(who, 's', { entries: [applied('own-file', { origin: `/srv/${hostile}/.mcp.json` }), applied('far')] })])
    const page = await open(who, '/integrations/me?transport=STDIO')
    await page.getByText('1 MCP server', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'near' }).waitFor()
    await page.getByLabel('Provenance').selectOption('Of workers')
    await page.getByText('1 from workers themselves').waitFor()
    await page.getByRole('region', { name: 'MCP servers of workers' }).getByText('/srv/<img src=x onerror="document.title=1">').waitFor()
    expect(await axeProblems(page)).toEqual([])
  })

  it('S7, S27: shows held tools and what sessions say as text, accepts by what was seen, and axe finds nothing in the light and the dark, also at 390 px', async () => {
    const who = await server.user('axe')
    const machine = await server.worker()
    const { id } = await server.register(who, 'swapped')
    const { mcpServer } = await who.client.execute(McpServerDocument, { id })
    const tell = (...tools: Array<[name: string | null, hash: string, text: string]>) => machine.client.execute(ReportToolInventoryDocument, {
      input: { entryId: id, digest: mcpServer!.digest, owner: { kind: 'USER', id: who.id }, tools: tools.map(([name, hash, text]) => ({ name, hash: hash.repeat(64), text })) },
    })
    await tell(['add', 'a', 'adds\n'])
    await tell(['add', 'b', `adds ${hostile}\n`], [null, 'c', 'Trust me.\n'])
    const entries = [applied('swapped', { entryId: id, state: 'FAILED', reason: hostile, toolsHeld: ['add'] })]
    const refused = [applied('swapped', { entryId: id, state: 'REFUSED', reason: `Refused: ${hostile}` })]
    await report(machine, `${hostile} axe`, 1, [sessionOf(who, hostile, { entries, agent: hostile }), sessionOf(who, 'refusing', { entries: refused })])
    const page = await open(who, `/integrations/me/${id}`)
    const without = page.getByRole('list', { name: 'Sessions that could not load it or refused it' })
    await without.getByRole('listitem').filter({ hasText: `${shownHostile} axe ${shownHostile}` }).getByText('failed', { exact: true }).waitFor()
    await without.getByRole('listitem').filter({ hasText: 'Refused: <img src=x onerror="document.title=1">' }).getByText('refused', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'How they differ' }).click()
    await page.getByRole('region', { name: 'How add differs' }).getByText(`+adds ${shownHostile}`).waitFor()
    await page.getByRole('link', { name: /swapped/ }).getByText('2 held').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await isTooWide(page)).toBe(false)
    // There the workspace is alone, with the way back.
    await button(page, 'Accept add').click()
    await button(page, 'Accept it').click()
    await page.getByText('None is held any more').waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await button(page, 'Back').click()
    await page.getByText('Nothing is held.').waitFor()

    await button(page, 'Share').click()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Those whom I name')
    expect(await axeProblems(page)).toEqual([])
    await page.keyboard.press('Escape')
    await button(page, 'Revoke').click()
    await page.getByText('1 live session on 1 worker will lose it now.').waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await page.getByLabel('Reason').fill(hostile)
    await confirm(page, 'Revoke')
    await page.getByRole('list', { name: 'Sessions that had it' }).getByText(shownHostile).first().waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    // What a live worker then says fills it.
    await badge(page, 'pending').waitFor()
    const { convergence } = await who.client.execute(ConvergenceDocument, { entryId: id })
    await report(machine, `${hostile} axe`, 2, [sessionOf(who, hostile, { cursor: convergence.cursor, entries: [applied('swapped', { entryId: id, state: 'STOPPED', revision: 2 })] })])
    await badge(page, 'complete').waitFor()
    expect([await page.locator('img').count(), await refusalsOf(page)]).toEqual([0, []])
  })
})
