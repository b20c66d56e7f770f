import { afterAll, describe, expect, it } from 'vitest'
import { type CatalogWorker, createCatalogWorker } from '../../src/worker/index.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { startTestMcpServer } from '../support/mcp-servers.js'
import { untilListening } from '../support/probing.js'
import { type Person, startLoopbackServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

describe.runIf(hasBrowser)('testing a connection in the console', () => {
  const { server, browser } = shared({ server: () => startLoopbackServer({ desk: { reportedMs: 20 } }), browser: startBrowser })
  const open = (who: Person, path: string) => browser.enter(server.url, who.token, path)
  const markup = '<img src=x onerror="document.title=1">'
  let worker: Promise<CatalogWorker> | undefined
  const start = () => worker ??= (async () => {
    const started = await createCatalogWorker({ url: server.url, token: (await server.worker()).token, workerId: 'desk-1', graceMs: 100 })
    await untilListening(server, 'desk-1')
    return started
  })()
  afterAll(async () => { await (await worker)?.close() })

  it('says why nothing was tried, and what a worker found as soon as it tells, hidden characters visible', async () => {
    const who = await server.user('tester')
    const upstream = await startTestMcpServer([{ name: 'add', description: `adds\u200b up ${markup}` }, { name: 'sub' }])
    const { id } = await server.register(who, 'calc', { url: upstream.url })
    const page = await open(who, `/integrations/added/${id}`)
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText('not tried', { exact: true }).waitFor()
    await page.getByText('Start a worker whose token serves this owner').waitFor()
    await start()
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText('connects', { exact: true }).waitFor()
    await page.getByText(/^Revision 1 on desk-1 after [\d.]+ m?s/).waitFor()
    await page.getByText('It offers 2 tools').waitFor()
    await page.getByText(`adds\\u{200b} up ${markup}`).waitFor()
    expect(await page.getByRole('region', { name: 'The same test with the CLI' }).innerText()).toBe('pilothouse probe calc')
    await upstream.close()
    // The detail shows what came of the last, and of the next.
    await page.getByRole('link', { name: 'Open it' }).click()
    await page.getByText('connects', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText('does not connect', { exact: true }).waitFor()
    await page.getByText('correct the definition or its secrets').waitFor()
    expect([await page.locator('img').count(), await refusalsOf(page)]).toEqual([0, []])
  })

  it('asks in the session of the deployment or in one\'s own, and as nobody else', async () => {
    const { id } = await server.register(server.admin, 'shared', { owner: { kind: 'DEPLOYMENT' }, visibility: 'PUBLIC' })
    const line = async (who: Person) => {
      const page = await open(who, `/integrations/all/${id}`)
      const region = page.getByRole('region', { name: 'The same test with the CLI' })
      await region.waitFor()
      return { page, region }
    }
    const user = await line(await server.user('user'))
    expect([await user.region.innerText(), await user.page.getByLabel('In a session of').count()]).toEqual(['pilothouse probe shared --owner deployment --for me', 0])
    const admin = await line(server.admin)
    expect(await admin.region.innerText()).toBe('pilothouse probe shared --owner deployment')
    await admin.page.getByLabel('In a session of').selectOption('Yours')
    expect(await admin.region.innerText()).toBe('pilothouse probe shared --owner deployment --for me')
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    await start()
    const who = await server.user('axe')
    const tools = Array.from({ length: 20 }, (_, at) => ({ name: `${'long-'.repeat(20)}${at}`, description: 'word '.repeat(40) }))
    const { id } = await server.register(who, 'many', { url: closing(await startTestMcpServer(tools)).url })
    const page = await open(who, `/integrations/me/${id}`)
    await page.getByRole('button', { name: 'Test connection' }).click()
    await page.getByText('It offers 20 tools').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
  })
})
