import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { DeactivateUserDocument, RemoveTeamMemberDocument, SetUserRoleDocument } from '../../src/client/index.js'
import { axeProblems, hasBrowser, isTooWide, signIn, signInByForm, startBrowser } from '../support/chromium.js'
import { type Person, startTestServer } from '../support/server.js'
import { closing, shared } from '../support/shared.js'

describe.runIf(hasBrowser)('an open page', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = async (who: Person, path: string, options = {}) => {
    const page = await browser.open(server.url, options)
    closing(page.context())
    page.setDefaultTimeout(9000)
    await signIn(page, who.token, path)
    await page.getByText('live', { exact: true }).waitFor()
    // Lost with a reload.
    await page.evaluate('globalThis.isTheSame = true')
    return page
  }
  const isTheSame = (page: Page) => page.evaluate('globalThis.isTheSame === true')
  const tree = (page: Page) => page.getByRole('navigation', { name: 'Sections' })

  it('goes on after the server was started anew, by its cursor, with what changed meanwhile and what was typed', async () => {
    const ada = await server.user('ada')
    const away = await server.node()
    const before = await server.register(ada, 'from-before')
    const [list, form] = await Promise.all([open(ada, '/integrations/me'), open(ada, '/integrations/add')])
    const sent: string[] = []
    list.on('websocket', (socket) => socket.on('framesent', ({ payload }) => void sent.push(String(payload))))
    await list.getByRole('link', { name: 'from-before' }).waitFor()
    await form.getByLabel('Name', { exact: true }).fill('half-typed')
    const start = await server.stop()
    for (const page of [list, form]) await page.getByText('The connection to the server was lost.').waitFor()
    await server.register(away.as(ada), 'while-away')
    await start()
    await list.getByRole('link', { name: 'while-away' }).waitFor()
    for (const page of [list, form]) await page.getByText('live', { exact: true }).waitFor()
    expect(await list.getByText('The connection to the server was lost.').count()).toBe(0)
    const cursors = sent.map((text) => (JSON.parse(text) as { payload?: { variables?: { after?: string | null } } }).payload?.variables?.after)
    expect(cursors.filter((cursor) => typeof cursor === 'string' && cursor !== '')).not.toEqual([])
    expect(await form.getByLabel('Name', { exact: true }).inputValue()).toBe('half-typed')
    await server.register(ada, 'afterwards')
    await list.getByRole('link', { name: 'afterwards' }).waitFor()
    expect(await Promise.all([list, form].map(isTheSame))).toEqual([true, true])
    expect(before.revision).toBe(1)
  })

  it('S7: of somebody who is deactivated becomes the sign-in page at once, and says why', async () => {
    const leaver = await server.user('leaver')
    const page = await open(leaver, '/integrations/me')
    await server.admin.client.execute(DeactivateUserDocument, { userId: leaver.id })
    await page.getByText('Your account was deactivated').waitFor()
    await page.getByLabel('Access token').waitFor()
    expect(await tree(page).count()).toBe(0)
  })

  it('S19: hides at once what a role or a team gave, when that is lost', async () => {
    const boss = await server.user('boss')
    await server.admin.client.execute(SetUserRoleDocument, { userId: boss.id, role: 'ADMIN' })
    const team = await server.team('crew', [[boss, 'MAINTAINER']])
    const { id } = await server.register(boss, 'of-the-crew', { owner: { kind: 'TEAM', id: team } })
    const [audit, entry] = await Promise.all([open(boss, '/audit'), open(boss, `/integrations/team:${team}/${id}`)])
    await entry.getByRole('button', { name: 'Revoke', exact: true }).waitFor()
    await tree(audit).getByRole('link', { name: 'Audit' }).waitFor()
    await server.admin.client.execute(SetUserRoleDocument, { userId: boss.id, role: 'USER' })
    await audit.getByRole('heading', { level: 1, name: 'Nothing here' }).waitFor()
    await tree(audit).getByRole('link', { name: 'Audit' }).waitFor({ state: 'detached' })
    await tree(entry).getByRole('link', { name: 'crew' }).first().waitFor()
    await server.admin.client.execute(RemoveTeamMemberDocument, { team: 'crew', userId: boss.id })
    await tree(entry).getByRole('link', { name: 'crew' }).first().waitFor({ state: 'detached' })
    await entry.getByRole('button', { name: 'Revoke', exact: true }).waitFor({ state: 'detached' })
    await entry.getByText('of-the-crew').first().waitFor({ state: 'detached' })
    expect(await Promise.all([audit, entry].map(isTheSame))).toEqual([true, true])
  })

  it('S7: elsewhere is signed out from "My tokens", goes to the sign-in page with a sentence why, and on from there to where it was', async () => {
    const roamer = await server.user('roamer')
    const [here, there, third] = await Promise.all([open(roamer, '/tokens'), open(roamer, '/integrations/me?q=x'), open(roamer, '/secrets')])
    const rows = here.getByRole('list', { name: 'Browsers' }).getByRole('listitem')
    await rows.nth(2).waitFor()
    await rows.filter({ hasText: 'This browser' }).getByText('with the token roamer').waitFor()
    expect(await axeProblems(here)).toEqual([])
    await rows.filter({ hasText: 'Another browser' }).first().getByRole('button', { name: 'Sign out there' }).click()
    await rows.nth(2).waitFor({ state: 'detached' })
    await here.getByRole('button', { name: 'Sign out everywhere else' }).click()
    for (const page of [there, third]) await page.getByText('You were signed out: in another tab or place').waitFor()
    await here.getByText('Nowhere else.').waitFor()
    expect(await axeProblems(there)).toEqual([])
    await signInByForm(there, roamer.token, new URL(there.url()).pathname + new URL(there.url()).search)
    expect(new URL(there.url()).pathname).toBe('/integrations/me')
    // What appears elsewhere is seen here.
    await rows.nth(1).waitFor()
  })

  it('at 390 px signs in and lists the browsers, without sideways scrolling', async () => {
    const page = await open(await server.user('narrow'), '/tokens', { viewport: { width: 390, height: 844 } })
    await page.getByRole('list', { name: 'Browsers' }).getByRole('listitem').first().waitFor()
    expect(await isTooWide(page)).toBe(false)
  })
})
