import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, signIn, signInByForm, startBrowser } from '../support/chromium.js'
import { startProxy } from '../support/proxy.js'
import { startTestServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

const hostile = '<img src=x onerror="document.title=1"> \u202egnp.js \u200bhidden'

describe.runIf(hasBrowser)('the console', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (url = server.url) => browser.lend(url)
  const row = (page: Page, name: string) => page.getByRole('link', { name })

  it('signs in with a token that no script can read, and out on the server', async () => {
    const page = await open()
    await page.goto('/')
    await page.getByLabel('Access token').fill('pht_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
    await signInByForm(page, server.admin.token)
    const kept = await page.evaluate<string>('JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }])')
    expect(kept).not.toContain(server.admin.token)
    expect(kept).not.toContain('pilothouse=')
    const cookies = await page.context().cookies()
    expect(cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite }))).toEqual([{ httpOnly: true, sameSite: 'Strict' }])
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Access token').waitFor()
    // The cookie as it was is worth nothing any more.
    await page.context().addCookies(cookies)
    await page.reload()
    await page.getByLabel('Access token').waitFor()
  })

  it.each([
    ['denied', 'did not let you in'], ['expired', 'took too long'], ['unavailable', 'cannot be reached'],
  ])('says why the identity provider\'s sign-in came to nothing (%s), and leads on from there', async (why, said) => {
    const page = await open()
    await page.goto(`/sign-in?problem=${why}`)
    await page.getByRole('alert').filter({ hasText: said }).waitFor()
    await signIn(page, server.admin.token, `/sign-in?problem=${why}`)
    await page.waitForURL('**/integrations/all')
  })

  it('gives the keyboard back to where it was when a dialog closes, and to the way back when something was done', async () => {
    const { id } = await server.register(server.admin, 'by-keyboard')
    const page = await open()
    await signIn(page, server.admin.token, `/integrations/me/${id}`)
    for (const name of ['Revoke', 'Share', 'Disable']) {
      await page.getByRole('button', { name, exact: true }).press('Enter')
      await page.getByRole('dialog').locator(':focus').waitFor()
      await page.keyboard.press('Escape')
      await page.getByRole('button', { name, exact: true }).and(page.locator(':focus')).waitFor()
    }
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).press('Enter')
    await page.locator(':focus').filter({ hasText: 'Undo' }).waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Escape')
    await page.locator(':focus').filter({ hasText: 'Undo' }).waitFor()
  })

  it('keeps how wide its columns were made, by keyboard and by hand, within what the window has room for', async () => {
    const page = await open()
    await page.goto('/')
    await page.evaluate('localStorage.setItem("pilothouse-columns", "{ junk")')
    await signIn(page, server.admin.token, '/integrations/me')
    const edge = (of: string) => page.getByRole('separator', { name: `Width of the ${of}` })
    const width = async (of: string) => Number(await edge(of).getAttribute('aria-valuenow'))
    const tree = async () => (await page.getByRole('navigation', { name: 'Sections' }).boundingBox())!.width
    expect([await width('tree'), await tree(), await width('list')]).toEqual([240, 240, 416])
    await edge('tree').press('ArrowRight')
    await edge('tree').press('Shift+ArrowRight')
    expect([await width('tree'), await tree()]).toEqual([352, 352])
    const { x, y } = (await edge('list').boundingBox())!
    await page.mouse.move(x + 5, y + 200)
    await page.mouse.down()
    await page.mouse.move(x + 45, y + 210)
    await page.mouse.up()
    await page.mouse.move(x, y)
    const dragged = await width('list')
    expect(dragged).toBe(Math.round(928 * 2 / 5) + 40)
    await page.reload()
    await edge('list').waitFor()
    expect([await width('tree'), await width('list')]).toEqual([352, dragged])
    await page.setViewportSize({ width: 900, height: 800 })
    await page.locator('[role=separator][aria-valuemax="228"]').waitFor()
    expect([await tree(), await isTooWide(page)]).toEqual([228, false])
    await page.setViewportSize({ width: 1280, height: 800 })
    await edge('list').press('Enter')
    await edge('tree').dblclick()
    expect([await width('tree'), await width('list')]).toEqual([240, 416])
    for (const [key, end] of [['Home', 'aria-valuemin'], ['End', 'aria-valuemax']] as const) {
      await edge('tree').press(key)
      expect(await width('tree')).toBe(Number(await edge('tree').getAttribute(end)))
    }
    // A browser that keeps nothing.
    await page.addInitScript('for (const name of ["getItem", "setItem"]) Storage.prototype[name] = () => { throw new Error("refused") }')
    await page.reload()
    await edge('tree').press('ArrowLeft')
    await edge('list').press('ArrowLeft')
    expect([await width('tree'), await width('list')]).toEqual([224, 406])
  })

  it('leads whoever clicks faster than pages come to where they clicked last', async () => {
    const page = await open()
    await signIn(page, server.admin.token)
    for (const second of ['Integrations', 'Agents', 'Secrets', 'Integrations']) {
      await page.evaluate(`(async () => {
        const click = (name) => [...document.querySelectorAll('#tree a')].find((link) => link.textContent.trim() === name).click()
        click('Policy')
        await new Promise((resolve) => requestAnimationFrame(resolve))
        click(${JSON.stringify(second)})
        await Promise.resolve()
        click(${JSON.stringify(second)})
      })()`)
      await page.waitForURL(`**/${second.toLowerCase()}/*`)
      await page.getByRole('main').getByRole('heading', { level: 1, name: second }).waitFor()
    }
  })

  it('offers to add where one may, and says in a team of others who does', async () => {
    const [keeper, member] = [await server.user('keeper'), await server.user('member')]
    const id = await server.team('kept', [[keeper, 'MAINTAINER'], [member, 'MEMBER']])
    const page = await open()
    await signIn(page, member.token, `/integrations/team:${id}`)
    const add = page.getByRole('main').getByRole('link', { name: /^(Add|Import)/ })
    await page.getByText('Its maintainers and admins add them here').waitFor()
    expect(await add.count()).toBe(0)
    await page.goto(`/agents/team:${id}`)
    await page.getByText('Its maintainers and admins add them here').waitFor()
    expect(await add.count()).toBe(0)
    await page.goto('/agents/me')
    await page.getByRole('link', { name: 'Import an agent' }).waitFor()
    expect(await add.count()).toBe(2)
  })

  it('S7: shows nothing that an address says of a refused sign-in', async () => {
    const page = await open()
    for (const why of ['__proto__', 'constructor', '<b>call 555</b>']) {
      await page.goto(`/sign-in?problem=${encodeURIComponent(why)}`)
      await page.getByLabel('Access token').waitFor()
      expect(await page.getByRole('alert').count()).toBe(0)
    }
  })

  it('finds MCP servers and agents in the palette, and does what is mostly done', async () => {
    await server.admin.raw('mutation ($input: RegisterAgentInput!) { registerAgent(input: $input) { cursor } }', {
      input: { owner: { kind: 'USER' }, name: 'palette-agent', definition: { description: '', prompt: 'You help.' } },
    })
    const page = await open()
    await signIn(page, server.admin.token, '/integrations')
    const choose = async (text: string, option: RegExp) => {
      await page.keyboard.press('Control+k')
      await page.getByLabel('Page, act, MCP server or agent').fill(text)
      await page.getByRole('option', { name: option }).waitFor()
      await page.keyboard.press('Enter')
    }
    await choose('palette-ag', /palette-agent agent, Mine/)
    await page.getByRole('heading', { level: 1, name: 'palette-agent' }).waitFor()
    await choose('add a sec', /Add a secret act/)
    await page.waitForURL('**/secrets/me/+new')
    await choose('add an agent', /Add an agent act/)
    await page.waitForURL('**/agents/me/add')
    await choose('add a us', /Add a user act/)
    await page.waitForURL('**/people/users/new')
    await page.getByRole('heading', { level: 1, name: 'Add a user' }).waitFor()
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Add an agent' }).waitFor()
    await choose('sign out', /Sign out act/)
    await page.getByLabel('Access token').waitFor()
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const name = 'axe'
    const { id } = await server.register(server.admin, name)
    const page = await open()
    await page.goto('/')
    await page.getByLabel('Access token').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await signIn(page, server.admin.token, `/integrations/all/${id}`)
    await page.getByText('Yes, in your sessions.').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.keyboard.press('Control+k')
    await page.getByLabel('Page, act, MCP server or agent').fill(name)
    await page.getByRole('option').filter({ hasText: 'MCP server' }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Disable' }).click()
    await page.getByText('No live session that you may see has it.').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    expect((await page.getByRole('banner').boundingBox())!.height).toBeLessThan(50)
    expect(await page.getByRole('separator').count()).toBe(0)
    await page.getByRole('main').getByRole('link', { name: 'Integrations' }).click()
    await row(page, name).waitFor()
    await page.getByRole('button', { name: 'Menu' }).click()
    await page.getByRole('link', { name: 'Mine', exact: true }).first().waitFor()
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    expect(await refusalsOf(page)).toEqual([])
    // It would see what can be read in the light alone.
    await page.evaluate('document.querySelector("main h1").style.color = "#666"')
    expect((await axeProblems(page)).map((problem) => problem.split(': <')[0])).toEqual(['dark: color-contrast'])
  })

  it('shows what others do without a reload, also what they did while the connection was lost', async () => {
    const proxy = closing(await startProxy(server.url))
    const page = await open(proxy.through(server.url))
    await signIn(page, server.admin.token, '/integrations/me')
    await page.getByText('live', { exact: true }).waitFor()
    const { id, revision } = await server.register(server.admin, 'seen-live')
    await row(page, 'seen-live').click()
    await page.getByRole('button', { name: 'Disable', exact: true }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
    await page.getByRole('button', { name: 'Enable', exact: true }).waitFor()
    proxy.interrupt()
    await page.getByText('The connection to the server was lost.').waitFor()
    await server.admin.raw('mutation ($input: SetEntryEnabledInput!) { setEntryEnabled(input: $input) { cursor } }', { input: { id, expectedRevision: revision + 1, enabled: true } })
    proxy.restore()
    await page.getByRole('button', { name: 'Disable', exact: true }).waitFor()
    await page.getByText('live', { exact: true }).waitFor()
  })

  it('S7: shows names and descriptions from outside as text, and what is hidden in them', async () => {
    await server.admin.raw('mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { cursor } }', {
      input: { owner: { kind: 'USER' }, name: 'hostile', definition: { description: hostile, transport: { http: { url: 'https://hostile.example.com/mcp' } } } },
    })
    const page = await open()
    await signIn(page, server.admin.token, '/integrations/me')
    await row(page, 'hostile').click()
    const shown = page.getByText('\\u{202e}gnp.js \\u{200b}hidden').filter({ visible: true })
    await shown.last().waitFor()
    expect(await shown.last().innerText()).toContain('<img src=x onerror="document.title=1">')
    expect(await page.locator('img').count()).toBe(0)
    expect(await refusalsOf(page)).toEqual([])
  })
})
