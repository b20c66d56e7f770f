import { describe, expect, it } from 'vitest'
import { EffectiveCatalogDocument } from '../../src/client/index.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { applied, report, sessionOf } from '../support/reporting.js'
import { startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const hostile = '<img src=x onerror="document.title=1"> \u202egnp'

describe.runIf(hasBrowser)('the workers page', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (token: string, path: string) => browser.enter(server.url, token, path)

  it('shows a worker when it reports, how many are current, why one is not, and its sessions with static entries', async () => {
    const mona = await server.user('mona')
    const machine = await server.worker()
    const page = await open(mona.token, '/workers')
    await page.getByText('No worker with a session that you may see').waitFor()
    const { effectiveCatalog: { cursor: start } } = await mona.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
    await report(machine, 'desk-1', 1, [sessionOf(mona, 's1', { agent: 'helper', cursor: start })])
    await page.getByText('1 of 1 current').waitFor()
    // A change that its sessions do not have yet.
    const { id, cursor } = await server.register(mona, 'tickets')
    await page.getByText('0 of 1 current').waitFor()
    await page.getByRole('link', { name: /desk-1.*connected.*behind/ }).click()
    await page.getByText('It has nothing.').waitFor()
    await report(machine, 'desk-1', 2, [sessionOf(mona, 's1', {
      agent: 'helper', cursor, entries: [applied('tickets', { entryId: id, state: 'REFUSED', reason: 'a protected name' }), applied('shell', { origin: '/srv/plugin/.mcp.json', revision: null })],
    })])
    await page.getByText('1 of 1 current, 1 refused: tickets, a protected name').waitFor()
    const sessions = page.getByRole('list', { name: 'Sessions' })
    expect(await sessions.innerText()).toMatch(/s1[\s\S]*agent helper[\s\S]*tickets[\s\S]*refused[\s\S]*catalog[\s\S]*a protected name[\s\S]*shell[\s\S]*applied[\s\S]*static[\s\S]*from \/srv\/plugin\/\.mcp\.json/)
    await sessions.getByRole('link', { name: 'tickets' }).waitFor()
    // Others see nothing of it.
    const theirs = await open((await server.user('otto')).token, '/workers')
    await theirs.getByText('No worker with a session that you may see').waitFor()
  })

  it('S7: shows what workers say as text; without a finding of axe in the light and the dark, also at 390 px', async () => {
    const name = `w-axe ${hostile}`
    await report(await server.worker(), name, 1, [sessionOf(server.admin, `s ${hostile}`, {
      agent: hostile, entries: [applied(hostile, { origin: `/srv/${hostile}/${'long/'.repeat(40)}`, state: 'FAILED', reason: hostile })],
    })])
    const page = await open(server.admin.token, '/workers')
    await page.getByRole('link', { name: /w-axe/ }).click()
    await page.getByRole('list', { name: 'Sessions' }).getByText('failed', { exact: true }).waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await page.getByRole('main').getByRole('link', { name: 'Workers' }).click()
    await page.getByRole('link', { name: /w-axe/ }).waitFor()
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
  })
})
