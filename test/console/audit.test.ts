import { sql } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { DeleteEntryDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
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
    await page.getByRole('link', { name: /mona changed the MCP server tickets of mona.*mcpServer\.update/ }).click()
    await page.getByRole('heading', { name: 'mona changed the MCP server tickets of mona.' }).waitFor()
    const difference = page.getByRole('region', { name: 'Before and after, as a difference' })
    await difference.waitFor()
    const text = await difference.innerText()
    expect(text).toMatch(/- +url: "https:\/\/tickets\.example\.com\/mcp"[\s\S]*\+ +url: "https:\/\/other\.example\.com\/mcp"/)
    expect(text).toContain('<img src=x onerror=\\"document.title=1\\"> \\u{202e}gnp')
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.getByRole('main').getByRole('link', { name: 'tickets', exact: true }).getAttribute('href')).toBe(`/integrations/all/${id}`)
    await page.getByRole('region', { name: 'Who and what the ids are' }).getByRole('link', { name: 'mona' }).waitFor()
    await page.getByRole('link', { name: 'all of it' }).click()
    await page.getByText('2 changes, newest first').waitFor()
    expect(await page.getByRole('region', { name: 'The same with the CLI' }).innerText()).toBe(`pilothouse audit list --about ${id}`)
    await page.getByLabel('What was done').selectOption('mcpServer.register')
    await page.getByText('1 change, newest first').waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await page.getByRole('link', { name: /user\.create/ }).first().waitFor()
  })

  it('finds what is gone by its name, whoever did it, and what was refused or looked at', async () => {
    const nora = await server.user('nora')
    const { id } = await server.register(nora, 'former')
    await server.admin.client.execute(DeleteEntryDocument, { input: { id, expectedRevision: 1 } })
    const page = await open('/audit')
    await page.getByRole('searchbox', { name: 'About' }).fill('FORM')
    await page.getByRole('button', { name: /former.*MCP server, nora, gone/ }).click()
    await page.getByText('2 changes, newest first').waitFor()
    await page.getByRole('searchbox', { name: 'By' }).fill('nora')
    await page.getByRole('button', { name: /nora.*person/ }).click()
    await page.getByText('1 change, newest first').waitFor()
    await page.getByLabel('From').fill('2001-01-01')
    await page.getByLabel('To', { exact: true }).fill('2001-01-02')
    await page.getByText('Nothing matches').waitFor()
    await page.getByRole('link', { name: 'Denials and looks' }).click()
    await page.getByRole('link', { name: /Admin broke glass: to change what nora has.*WRITE_ENTRIES.*broke glass/ }).click()
    await page.getByRole('heading', { name: 'Admin broke glass: to change what nora has.' }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.getByLabel('Outcome').selectOption('DENIED')
    await page.getByText('Nothing matches').waitFor()
    expect(await page.getByRole('region', { name: 'The same with the CLI' }).innerText()).toBe('pilothouse audit list --chain access --outcome DENIED')
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
