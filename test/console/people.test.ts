import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { post, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const hostile = '<img src=x onerror="document.title=1"> \u202egnp'

describe.runIf(hasBrowser)('the people pages', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (token: string, path: string) => browser.enter(server.url, token, path)
  const dialog = (page: Page) => page.getByRole('dialog')
  const opens = async (token: string) => (await post(server.url, token, { query: '{ viewer { principal { id } } }' })).errors === undefined

  it('makes a token of one\'s own that works, shows it once, and revokes it', async () => {
    const mona = await server.user('mona')
    const page = await open(mona.token, '/')
    await page.getByRole('banner').getByRole('link', { name: 'mona' }).click()
    await page.getByRole('link', { name: 'Add a token' }).click()
    // It has an address of its own, which a step back leaves.
    await page.waitForURL('**/tokens/new')
    await page.goBack()
    await page.getByRole('link', { name: 'Add a token' }).click()
    await page.getByLabel('Name').fill('lap top')
    await page.getByLabel('Expires in days').fill('7')
    expect(await page.getByRole('region', { name: 'The same with the CLI' }).innerText()).toBe('pilothouse token create --name \'lap top\' --expires-in-days 7')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const secret = await page.getByRole('region', { name: 'The new token' }).innerText()
    expect(secret).toMatch(/^pht_[\w-]{43}$/)
    expect(await opens(secret)).toBe(true)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy token' }).click()
    await page.getByText('Copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(secret)
    await page.getByRole('link', { name: 'Done' }).click()
    await page.getByRole('listitem').filter({ hasText: 'lap top' }).getByText(/in [67] days/).waitFor()
    const kept = await page.evaluate<string>('document.documentElement.outerHTML + JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')
    expect(kept).not.toContain(secret)
    await page.getByRole('button', { name: 'Revoke lap top' }).click()
    await dialog(page).getByText('Whatever uses it is refused at once').waitFor()
    await dialog(page).getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('listitem').filter({ hasText: 'lap top' }).getByText('revoked', { exact: true }).waitFor()
    expect(await opens(secret)).toBe(false)
    expect(await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: 'Audit' }).count()).toBe(0)
  })

  it('makes a worker token for some owners, and says which line names none', async () => {
    await server.team('crew', [])
    const page = await open(server.admin.token, '/people/worker-tokens')
    await page.getByRole('link', { name: 'Add a worker token' }).click()
    await page.getByLabel('Name').fill('desk')
    await page.getByLabel('Serves').fill('team:crew\nsomebody')
    await page.getByText('somebody names no owner.').waitFor()
    await page.getByLabel('Serves').fill('team:crew\ndeployment')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    expect(await page.getByRole('region', { name: 'The new token' }).innerText()).toMatch(/^phw_/)
    await page.getByRole('link', { name: 'Done' }).click()
    await page.getByText('serves team crew, the deployment').waitFor()
  })

  it('a team from its first day to its last; what its maintainer may do, and what ends with it', async () => {
    const [rosa, theo] = [await server.user('rosa'), await server.user('theo')]
    const admins = await open(server.admin.token, '/people/teams')
    await admins.getByRole('link', { name: 'Add a team' }).click()
    await admins.getByLabel('Slug').fill('Not one')
    await admins.getByRole('button', { name: 'Add', exact: true }).click()
    await admins.getByRole('alert').waitFor()
    await admins.getByLabel('Slug').fill('rowers')
    await admins.getByRole('button', { name: 'Add', exact: true }).click()
    await admins.getByRole('heading', { level: 1, name: 'rowers' }).waitFor()
    await admins.getByRole('link', { name: 'Add a member' }).click()
    await admins.getByLabel('As', { exact: true }).selectOption('MAINTAINER')
    await admins.getByLabel('Person').fill('ros')
    const theirs = await open(rosa.token, '/people')
    await theirs.getByText('You are in no team').waitFor()
    await admins.getByRole('button', { name: 'Add rosa' }).click()
    await theirs.getByRole('link', { name: 'rowers' }).last().click()
    await theirs.getByRole('link', { name: 'Add a member' }).click()
    await theirs.getByLabel('Person').fill('theo')
    await theirs.getByRole('button', { name: 'Add theo' }).click()
    await admins.getByRole('list', { name: 'Members' }).getByText('test/theo').waitFor()
    await theirs.getByRole('button', { name: 'Remove theo' }).click()
    await dialog(theirs).getByRole('button', { name: 'Remove' }).click()
    await theirs.getByRole('button', { name: 'Remove theo' }).waitFor({ state: 'detached' })
    expect(await theirs.getByRole('button', { name: 'Delete' }).count()).toBe(0)
    await server.register(rosa, 'boats', { owner: { kind: 'TEAM', id: 'rowers' } })
    await admins.getByRole('button', { name: 'Delete' }).click()
    await dialog(admins).getByText('1 MCP server and 0 agents and all secrets of the team are deleted').waitFor()
    await dialog(admins).getByRole('button', { name: 'Delete' }).click()
    await theirs.getByText('There is no team of that id for you.').waitFor()
    expect(await opens(theo.token)).toBe(true)
  })

  it('adds somebody, makes them an admin, and deactivates them, each with its effect named first', async () => {
    const page = await open(server.admin.token, '/people/users')
    await page.getByRole('link', { name: 'Add a user' }).click()
    await page.getByLabel('Identity provider').fill('corp')
    await page.getByRole('textbox', { name: 'Subject' }).fill('ida')
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill(`Ida ${hostile}`)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: /Ida .*\\u\{202e\}gnp/ }).waitFor()
    await page.getByRole('link', { name: 'Add a token' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('first')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const secret = await page.getByRole('region', { name: 'The new token' }).innerText()
    await page.getByRole('link', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Make an admin' }).click()
    await dialog(page).getByText('They will see and change everything').waitFor()
    await dialog(page).getByRole('button', { name: 'Make an admin' }).click()
    await page.getByRole('button', { name: 'Make a user' }).waitFor()
    await page.getByRole('button', { name: 'Deactivate' }).click()
    await dialog(page).getByText('Their tokens and sign-ins end at once. 0 MCP servers and 0 agents of theirs leave every set').waitFor()
    await dialog(page).getByRole('button', { name: 'Deactivate' }).click()
    await page.getByRole('main').getByText('revoked', { exact: true }).waitFor()
    expect(await opens(secret)).toBe(false)
    await page.getByLabel('Search by name or subject').fill('no such person')
    await page.getByText('Nobody matches').waitFor()
    expect(await page.locator('img').count()).toBe(0)
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const member = await server.user(`axe ${hostile}`)
    const id = await server.team('axe', [[member, 'MEMBER']])
    const page = await open(server.admin.token, '/tokens')
    const show = async (path: string, sign: string) => {
      await page.goto(path)
      await page.getByRole('main').getByText(sign).first().waitFor()
    }
    const pages = [[`/people/users/${member.id}`, 'valid'], [`/people/teams/${id}`, 'test/axe'], ['/people/worker-tokens', 'Add a worker token']] as const
    for (const [path, sign] of pages) {
      await show(path, sign)
      expect([path, await axeProblems(page)]).toEqual([path, []])
    }
    await page.setViewportSize({ width: 390, height: 844 })
    for (const [path, sign] of [...pages, ['/people/teams', 'Add a team'], ['/tokens/new', 'Cancel'], [`/people/teams/${id}/members/new`, 'Done']] as const) {
      await show(path, sign)
      expect([path, await isTooWide(page)]).toEqual([path, false])
    }
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
  })
})
