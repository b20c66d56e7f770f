import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { UpdateMcpServerDocument } from '../../src/client/index.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, signIn, startBrowser } from '../support/chromium.js'
import { startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const hostile = '<img src=x onerror="document.title=1"> \u202egnp'

describe.runIf(hasBrowser)('the audit page', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = async (path: string) => {
    const page = await browser.lend(server.url)
    await signIn(page, server.admin.token, path)
    return page
  }

  it('shows changes as they come, what was before and after as a difference, and all of one target', async () => {
    const mona = await server.user('mona')
    const page = await open('/audit')
    await page.getByRole('link', { name: /user\.create/ }).first().waitFor()
    const { id } = await server.register(mona, 'tickets')
    await mona.client.execute(UpdateMcpServerDocument, {
      input: { id, expectedRevision: 1, definition: { description: hostile, transport: { http: { url: 'https://other.example.com/mcp' } } } },
    })
    await page.getByRole('link', { name: /mcpServer\.update.*mona/ }).click()
    const difference = page.getByRole('region', { name: 'Before and after, as a difference' })
    await difference.waitFor()
    const text = await difference.innerText()
    expect(text).toMatch(/- +url: "https:\/\/tickets\.example\.com\/mcp"[\s\S]*\+ +url: "https:\/\/other\.example\.com\/mcp"/)
    expect(text).toContain('<img src=x onerror=\\"document.title=1\\"> \\u{202e}gnp')
    expect(await page.locator('img').count()).toBe(0)
    await page.getByRole('link', { name: 'all of it' }).click()
    await page.getByText('2 changes, newest first').waitFor()
    expect(await page.getByRole('region', { name: 'The same with the CLI' }).innerText()).toBe(`pilothouse audit list --target ${id}`)
    await page.getByLabel('Action').fill('mcpServer.register')
    await page.getByText('1 change, newest first').waitFor()
    await page.getByLabel('Actor id').fill('usr_nobody')
    await page.getByText('Nothing matches').waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await page.getByRole('link', { name: /user\.create/ }).first().waitFor()
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const page = await open('/audit')
    await page.getByText(/newest \d+ checked/).first().waitFor()
    await page.getByRole('link', { name: /user\.create/ }).first().click()
    await page.getByRole('region', { name: 'Before and after, as a difference' }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await page.getByRole('main').getByRole('link', { name: 'Audit' }).click()
    await page.getByText(/newest \d+ checked/).first().waitFor()
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
  })

  it('S15: names the first row that was touched', async () => {
    await server.app.services.db.execute(sql`update audit_event set target = 'other' where sequence = 2`)
    const page = await open('/audit')
    await page.getByRole('alert').getByText('row 2: the row was altered').waitFor()
  })
})
