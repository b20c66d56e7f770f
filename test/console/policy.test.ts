import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const setPolicy = 'mutation ($input: SetPolicyInput!) { setPolicy(input: $input) { policy { revision } } }'

describe.runIf(hasBrowser)('policy in the console', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (token: string, path: string) => browser.enter(server.url, token, path)
  const editor = (page: Page) => page.getByLabel('The policy, as JSON')
  const revisionOf = async (owner: object) => {
    const { data } = await server.admin.raw('query ($owner: OwnerInput!) { policy(owner: $owner) { revision } }', { owner })
    return (data!.policy as { revision: number }).revision
  }

  it('finds what is wrong while it is typed, simulates a stricter one, and saves it', async () => {
    const { id } = await server.register(server.admin, 'strict-one', { owner: { kind: 'DEPLOYMENT' } })
    const page = await open(server.admin.token, '/workers')
    await page.getByRole('link', { name: 'Policy' }).click()
    await editor(page).fill('{\n  "transports": {\n    "http": "deny",\n  }\n}')
    await page.getByRole('button', { name: 'Line 4' }).click()
    expect(await editor(page).evaluate((field: HTMLTextAreaElement) => field.value.slice(field.selectionStart, field.selectionEnd))).toBe('}')
    await editor(page).fill('{\n  "transport": { "http": "deny" }\n}')
    await page.getByText('Known here: transports').waitFor()
    // What is wrong is shown, and nothing is asked.
    await page.getByRole('button', { name: 'Save…' }).click()
    expect(await page.getByRole('dialog').count()).toBe(0)
    await editor(page).fill('{ "transports": { "http": "deny" } }')
    await page.getByRole('button', { name: 'Simulate' }).click()
    await page.getByText('1 entry changes: 1 denied.').waitFor()
    const effect = page.getByRole('list', { name: 'Entries that change' }).getByRole('listitem').filter({ has: page.getByRole('link', { name: 'strict-one' }) })
    await effect.getByText('denied', { exact: true }).waitFor()
    expect(await revisionOf({ kind: 'DEPLOYMENT' })).toBe(0)
    // What is not saved is not left by accident; "Stay" has the focus.
    await page.getByRole('link', { name: 'Workers' }).click()
    await page.getByRole('dialog', { name: 'Leave without saving?' }).getByText('What you changed of the policy is not saved, and is lost when you leave this page.').waitFor()
    await page.getByRole('button', { name: 'Stay' }).and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect([new URL(page.url()).pathname, await editor(page).inputValue()]).toEqual(['/policy/deployment', '{ "transports": { "http": "deny" } }'])
    // Whoever types on while it is simulated is not asked about what they do not see.
    let release = () => {}
    const held = new Promise<void>((resolve) => { release = resolve })
    await page.route('**/graphql', async (route) => { await held; await route.fallback() })
    await page.getByRole('button', { name: 'Save…' }).click()
    await editor(page).press('End')
    await editor(page).press('Space')
    release()
    await page.getByText('It was changed since it was simulated.').waitFor()
    expect(await page.getByRole('dialog').count()).toBe(0)
    await page.getByRole('button', { name: 'Save…' }).click()
    await page.getByRole('dialog').getByText('leaves every set and every open session at once').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Revision 1 is saved.').waitFor()
    const { data } = await server.admin.raw('query ($id: ID!) { mcpServer(id: $id) { status } }', { id })
    expect(data).toEqual({ mcpServer: { status: 'POLICY_DENIED' } })
    await page.getByText('Revision 1, by').click()
    await editor(page).fill('{}')
    await page.getByRole('button', { name: 'Put it into the editor' }).click()
    expect(JSON.parse(await editor(page).inputValue())).toEqual({ transports: { http: 'deny' } })
    await editor(page).fill('{}')
    await page.goBack()
    await page.getByRole('button', { name: 'Stay' }).click()
    expect([new URL(page.url()).pathname, await editor(page).inputValue()]).toEqual(['/policy/deployment', '{}'])
    await page.goBack()
    await page.getByRole('button', { name: 'Leave, and lose it' }).click()
    await page.getByRole('heading', { level: 1, name: 'Workers' }).waitFor()
  })

  it('a team\'s: its maintainer is shown what somebody else saved meanwhile, and loses nothing', async () => {
    const [maintainer, member] = await Promise.all([server.user('keeping'), server.user('reading')])
    const id = await server.team('keepers', [[maintainer, 'MAINTAINER'], [member, 'MEMBER']])
    const owner = { kind: 'TEAM', id }
    const page = await open(maintainer.token, `/policy/team:${id}`)
    const mine = '{ "headers": { "deny": ["x-mine"] } }'
    await editor(page).fill(mine)
    await server.admin.raw(setPolicy, { input: { owner, expectedRevision: 0, document: { env: { deny: ['THEIRS'] }, mcpServers: { deny: [{ serverName: 'no-such' }] } } } })
    await page.getByRole('button', { name: 'Save…' }).click()
    await page.getByText('Somebody else saved revision 1 meanwhile.').waitFor()
    await page.getByRole('region', { name: 'What revision 1 changed' }).getByText('THEIRS').waitFor()
    expect(await editor(page).inputValue()).toBe(mine)
    await page.getByRole('button', { name: 'Keep mine' }).click()
    await page.getByRole('button', { name: 'Save…' }).click()
    await page.getByRole('dialog').getByText('No entry changes.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Revision 2 is saved.').waitFor()
    // The history is for whoever may set it.
    await page.getByText('Revision 2, by keeping').waitFor()
    await page.getByText('Revision 1, by Admin').waitFor()
    await server.admin.raw(setPolicy, { input: { owner, expectedRevision: 2, document: { mcpServers: { deny: [{ serverName: 'no-such' }] } } } })
    // Nothing is typed over it: the newest is shown, with its warning.
    await page.getByRole('list', { name: 'Warnings' }).getByText('matches-nothing').waitFor()
    // What nobody would see in it stands there as an escape, and stays the same JSON (S7).
    await server.admin.raw(setPolicy, { input: { owner, expectedRevision: 3, document: { mcpServers: { deny: [{ serverName: 'no-such\u202e' }] } } } })
    await page.getByText('revision 4', { exact: true }).waitFor()
    expect(await editor(page).inputValue()).toContain('"no-such\\u202e"')
    const reader = await open(member.token, `/policy/team:${id}`)
    await reader.getByText('Its maintainers and admins set it; you can read it.').waitFor()
    await reader.getByRole('region', { name: 'The policy' }).getByText('no-such').waitFor()
    expect([await editor(reader).count(), await reader.getByRole('button', { name: 'Save…' }).count()]).toEqual([0, 0])
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const page = await open(server.admin.token, '/policy')
    await editor(page).waitFor()
    await page.locator('summary').filter({ hasText: 'transports' }).click()
    await editor(page).fill('{ "tools": { "drift": 1 } }')
    await page.getByRole('button', { name: 'Line 1' }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
  })
})
