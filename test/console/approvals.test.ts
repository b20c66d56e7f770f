import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { type ApprovalFieldsFragment, ApprovalsDocument, CreateTeamDocument, DecideApprovalDocument, RegisterMcpServerDocument, SetTeamMemberDocument, SetUserRoleDocument, UpdateMcpServerDocument } from '../../src/client/index.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const stdio = (...args: string[]) => ({ transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', ...args] } } })
const long = 'x'.repeat(3_000)

describe.runIf(hasBrowser)('the approvals page', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (token: string, path: string) => browser.enter(server.url, token, path)
  const register = async (who: Person, name: string, ...args: string[]) =>
    (await who.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name, definition: stdio(...args) } })).registerMcpServer.mcpServer.id
  const requestOf = async (entryId: string): Promise<ApprovalFieldsFragment> =>
    (await server.admin.client.execute(ApprovalsDocument, { state: 'PENDING', first: 500 })).approvals.nodes.find(({ entry }) => entry?.id === entryId)!
  const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name })
  const dialog = (page: Page) => page.getByRole('dialog')

  it('S5: an admin sees all of what would run and approves it; who asked cannot, and sees it without a reload', async () => {
    const alice = await server.user('alice')
    const [theirs, admins] = [await open(alice.token, '/approvals'), await open(server.admin.token, '/approvals')]
    for (const page of [theirs, admins]) {
      await page.getByText('Nothing waits').waitFor()
      await page.getByText('live', { exact: true }).waitFor()
    }
    await register(alice, 'tool', 'a b', long)
    await theirs.getByRole('link', { name: /tool.*you asked/ }).click()
    await theirs.getByText('You asked for it; someone else has to decide.').waitFor()
    expect(await theirs.getByRole('button', { name: /Approve|Reject/ }).count()).toBe(0)
    await admins.getByRole('link', { name: 'Approvals 1 waiting' }).waitFor()
    await admins.getByRole('link', { name: /tool.*alice asked/ }).click()
    await heading(admins, 'tool').waitFor()
    expect(await admins.getByRole('region', { name: 'Exact text: Command line' }).innerText()).toBe(`npx -y srv@1.2.3 'a b' ${long}`)
    expect(await admins.getByRole('region', { name: 'What changes' }).innerText()).toContain('--- nothing was approved before')
    await admins.getByText('It is for alice.').waitFor()
    await admins.getByRole('button', { name: 'Approve…' }).click()
    await dialog(admins).getByText('No worker that you may see has a session that will get it now.').waitFor()
    await dialog(admins).getByLabel('Note').fill('Looks fine.')
    await dialog(admins).getByRole('button', { name: 'Approve' }).click()
    await admins.getByText('Approved. To take it from sessions, disable or revoke it.').waitFor()
    await admins.getByText('Nothing waits').waitFor()
    await theirs.getByText('Looks fine.').waitFor()
    await theirs.getByText('Approved. To take it from sessions, disable or revoke it.').waitFor()
    await theirs.getByRole('link', { name: /waiting/ }).waitFor({ state: 'detached' })
  })

  it('names the effect with numbers, shows what changed since the last approved, and keeps who rejected it and why', async () => {
    const bert = await server.user('bert')
    const id = await register(bert, 'changed', 'one')
    const { id: first, digest } = await requestOf(id)
    await server.admin.client.execute(DecideApprovalDocument, { input: { id: first, digest, decision: 'APPROVE' } })
    await bert.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: stdio('two') } })
    const worker = await server.worker()
    await worker.raw('mutation ($input: ReportWorkerStatusInput!) { reportWorkerStatus(input: $input) { accepted } }', {
      input: { workerId: 'w1', processId: 'p1', number: 1, full: true, sessions: [{ id: 's1', owner: { kind: 'USER', id: bert.id }, cursor: null, entries: [] }] },
    })
    const page = await open(server.admin.token, `/approvals/${(await requestOf(id)).id}`)
    expect(await page.getByRole('region', { name: 'Exact text: Command line' }).innerText()).toBe('npx -y srv@1.2.3 two')
    expect(await page.getByRole('region', { name: 'Exact text: Approved before' }).innerText()).toBe('npx -y srv@1.2.3 one')
    expect(await page.getByRole('region', { name: 'What changes' }).innerText()).toMatch(/- +"one"\n.*\+ +"two"/s)
    await page.getByRole('button', { name: 'Approve…' }).click()
    await dialog(page).getByText('It is for bert. 1 worker has sessions that will get it now.').waitFor()
    await dialog(page).getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Reject…' }).click()
    await dialog(page).getByLabel('Why, and what to change').fill('Pin the version.')
    await dialog(page).getByRole('button', { name: 'Reject' }).click()
    await page.getByText('Rejected: Pin the version.').waitFor()
    await page.getByLabel('Which requests').selectOption('REJECTED')
    await page.getByRole('link', { name: /changed.*rejected/ }).waitFor()
  })

  it('S5: decides what was looked at: what was changed meanwhile is refused, with the note kept and the way to what it is now', async () => {
    const carl = await server.user('carl')
    const id = await register(carl, 'moving', 'one')
    const page = await open(server.admin.token, `/approvals/${(await requestOf(id)).id}`)
    await page.getByRole('button', { name: 'Approve…' }).click()
    await dialog(page).getByLabel('Note').fill('I saw one.')
    await page.route('**/graphql', async (route) => {
      // The change comes after the click, and before its request.
      if (route.request().postData()?.includes('decideApproval')) {
        await carl.client.execute(UpdateMcpServerDocument, { input: { id, expectedRevision: 1, definition: stdio('two') } })
      }
      await route.continue()
    })
    await dialog(page).getByRole('button', { name: 'Approve' }).click()
    await dialog(page).getByRole('alert').getByText('REVISION_CONFLICT').waitFor()
    expect(await dialog(page).getByLabel('Note').inputValue()).toBe('I saw one.')
    await dialog(page).getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('It counts no more: it was changed since.').waitFor()
    expect(await page.getByRole('button', { name: 'Approve…' }).count()).toBe(0)
    await page.getByRole('link', { name: 'look at what it is now' }).click()
    await page.getByRole('button', { name: 'Approve…' }).waitFor()
    expect(await page.getByRole('region', { name: 'Exact text: Command line' }).innerText()).toBe('npx -y srv@1.2.3 two')
  })

  it('S7: shows names, commands, differences and notes from outside as text, with what is hidden in them', async () => {
    const hostile = '<img src=x onerror="document.title=1"> \u202egnp.js \u200bhidden'
    const dora = await server.user(hostile)
    await server.admin.client.execute(SetUserRoleDocument, { userId: dora.id, role: 'ADMIN' })
    const { registerMcpServer: { mcpServer: { id } } } = await dora.client.execute(RegisterMcpServerDocument, {
      input: { owner: { kind: 'USER' }, name: 'hostile', definition: { ...stdio('<img src=x onerror="document.title=1">'), description: hostile } },
    })
    const { id: requestId, digest } = await requestOf(id)
    const page = await open(server.admin.token, `/approvals/${requestId}`)
    const line = await page.getByRole('region', { name: 'Exact text: Command line' }).innerText()
    expect(line).toBe('npx -y srv@1.2.3 \'<img src=x onerror="document.title=1">\'')
    expect(await page.getByRole('region', { name: 'What changes' }).innerText()).toContain('\\u{202e}gnp.js \\u{200b}hidden')
    expect(await page.getByRole('main').innerText()).not.toMatch(/[\u202e\u200b]/)
    await server.admin.client.execute(DecideApprovalDocument, { input: { id: requestId, digest, decision: 'REJECT', note: hostile } })
    await page.reload()
    await page.getByText('Rejected:').getByText('\\u{202e}gnp.js').waitFor()
    expect([await page.locator('img').count(), await refusalsOf(page)]).toEqual([0, []])
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const eve = await server.user('eve')
    // Names that no line has room for leave the buttons in sight.
    await server.admin.client.execute(CreateTeamDocument, { slug: 'wide', displayName: 'W'.repeat(80) })
    await server.admin.client.execute(SetTeamMemberDocument, { team: 'wide', userId: eve.id, role: 'MAINTAINER' })
    const input = { owner: { kind: 'TEAM' as const, id: 'wide' }, name: 'axe'.padEnd(40, 'x'), definition: stdio('one', long) }
    const { id } = await requestOf((await eve.client.execute(RegisterMcpServerDocument, { input })).registerMcpServer.mcpServer.id)
    const page = await open(server.admin.token, `/approvals/${id}`)
    await page.getByRole('button', { name: 'Approve…' }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Approve…' }).click()
    await dialog(page).getByText('No worker').waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await page.getByRole('main').getByRole('link', { name: 'Approvals' }).click()
    await page.getByRole('link', { name: /axe/ }).waitFor()
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
  })
})
