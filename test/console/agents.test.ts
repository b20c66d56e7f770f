import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { RegisterAgentDocument, UpdateAgentDocument } from '../../src/client/index.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { appliedEntry, createReporter, sessionOf } from '../support/reporter.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

/** Shown as it is here, or as what it says: nothing of it may become an element that does something, or an address that is no web address. */
const hostileMarkdown = [
  '# Title \u202egnp.js', '', '<script>document.title="1"</script>', '', 'a <img src=x onerror="document.title=1"> b', '', '[click](javascript:document.title=1)',
  '[data](data:text/html,<script>1</script>) [ref] [good](https://example.com/\u200bx)', '', '![a picture](https://elsewhere.example.com/track.png)', '', '![](https://elsewhere.example.com/2.png)', '',
  '<javascript:document.title=1>', '', '<iframe src="https://elsewhere.example.com"></iframe>', '', '```html', '<script>2</script>\u200b', '```', '', '[ref]: vbscript:x', '', '&lt;b&gt; `<i>`',
].join('\n')
/** Takes a parser of CommonMark minutes. */
const slowMarkdown = '>'.repeat(100_000)

describe.runIf(hasBrowser)('the agents page', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (token: string, path: string) => browser.enter(server.url, token, path)
  const register = async (who: Person, name: string, more: object = {}) =>
    (await who.client.execute(RegisterAgentDocument, { input: { owner: { kind: 'USER' }, name, definition: { prompt: 'You **plan**.', ...more } } })).registerAgent.agent.id
  const preview = (page: Page) => page.getByRole('region', { name: 'Preview' })

  it('writes an agent with live findings and a preview, and says which of its servers are there', async () => {
    const alice = await server.user('alice')
    await server.register(alice, 'github')
    await register(alice, 'taken')
    const page = await open(alice.token, '/agents/me')
    await page.getByText('No agent yet').or(page.getByRole('link', { name: /taken/ })).first().waitFor()
    await page.getByRole('main').getByRole('link', { name: 'Add an agent' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('taken')
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('# Plan\n\nYou **plan** with `care`.')
    await page.getByText('That owner has an entry named taken already.').waitFor()
    await page.getByText('It cannot be saved like this.').waitFor()
    await preview(page).getByRole('heading', { name: 'Plan' }).waitFor()
    expect(await preview(page).locator('strong').innerText()).toBe('plan')
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('planner')
    const servers = page.getByLabel('Add by name')
    await servers.fill('git')
    await page.getByRole('button', { name: 'Add github' }).waitFor()
    await servers.press('Enter')
    await servers.fill('nowhere')
    await page.getByRole('button', { name: 'Add nowhere' }).click()
    await page.getByRole('listitem').filter({ hasText: 'github' }).getByText('available to you', { exact: true }).waitFor()
    await page.getByRole('listitem').filter({ hasText: 'nowhere' }).getByText('not available to you').waitFor()
    await page.getByText('It can be saved, and runs at once.').waitFor()
    expect(await page.getByRole('region', { name: 'The same with the CLI' }).innerText()).toBe([
      "pilothouse import - --format agent-md --owner me <<'EOF'", '---', 'schemaVersion: 2', 'version: 1', 'name: planner', 'mcpServers:', '  - github', '  - nowhere', '---', '',
      '# Plan', '', 'You **plan** with `care`.', 'EOF',
    ].join('\n'))
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'planner' }).waitFor()
    await page.getByText('Yes, in your sessions.').waitFor()
    await page.getByRole('link', { name: /planner.*active/ }).waitFor()
  })

  it('shares in the form and on the page, shows the sessions that run it and those that refused it with the reason, and is a file again', async () => {
    const [gina, hugo] = [await server.user('gina'), await server.user('hugo')]
    const team = await server.team('pilots', [[gina, 'MAINTAINER'], [hugo, 'MEMBER']])
    const id = await register(gina, 'steers', { mcpServers: ['charts'] })
    const page = await open(gina.token, `/agents/me/${id}/edit`)
    const hugos = await open(hugo.token, `/agents/all/${id}`)
    await hugos.getByRole('heading', { name: 'Not there' }).waitFor()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Those whom I name')
    await page.getByText('A SHARED entry needs an audience.').waitFor()
    await page.getByLabel('Add a team').fill('pil')
    await page.getByLabel('Add a team').press('Enter')
    await page.getByText('It can be saved, and runs at once.').waitFor()
    await page.getByText(`pilothouse share steers team:${team}`).waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await hugos.getByText('Yes, in your sessions.').waitFor()

    const said = (state: 'APPLIED' | 'REFUSED', reason: string | null) => appliedEntry(id, state, { name: 'steers', kind: 'AGENT', reason, revision: 2 })
    await createReporter(await server.worker(), 'bridge').send([
      { ...sessionOf('runs', hugo, (await server.register(gina, 'charts')).cursor, said('APPLIED', null)), agent: 'steers' }, sessionOf('refuses', hugo, '0', said('REFUSED', 'A static agent has its name.')),
    ].map((session) => ({ ...session, cursor: null })))
    await hugos.getByRole('list', { name: 'Sessions that run it' }).getByRole('listitem').filter({ hasText: /bridge runs.*runs as it.*applied/s }).waitFor()
    await hugos.getByRole('list', { name: 'Sessions that could not load it or refused it' }).getByRole('listitem').filter({ hasText: /bridge refuses.*refused.*A static agent has its name\./s }).waitFor()

    await hugos.getByRole('link', { name: 'As an .agent.md' }).click()
    await hugos.getByRole('region', { name: 'steers.agent.md' }).getByText('mcpServers:').waitFor()
    const saving = hugos.waitForEvent('download')
    await hugos.getByRole('button', { name: 'Save as a file' }).click()
    expect((await saving).suggestedFilename()).toBe('steers.agent.md')
    await page.getByRole('button', { name: 'Share', exact: true }).click()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Nobody else')
    await page.getByText('pilothouse share steers --private').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Share', exact: true }).click()
    await hugos.getByRole('heading', { name: 'Not there' }).waitFor()
    await page.getByRole('button', { name: 'Undo: share it as before' }).click()
    await hugos.getByRole('heading', { level: 1, name: 'steers' }).waitFor()
    expect([await refusalsOf(page), await refusalsOf(hugos)]).toEqual([[], []])
  })

  it('S21: offers people to admins alone, and asks for them as nobody else', async () => {
    const ivan = await server.user('ivan')
    await server.user('hidden-person')
    await server.team('ivans', [[ivan, 'MAINTAINER']])
    for (const [who, isOffered] of [[ivan, false], [server.admin, true]] as const) {
      const page = await open(who.token, '/agents/me/add')
      const asked: string[] = []
      page.on('request', (request) => { if (request.postData()?.includes('SharePeople') === true) asked.push('SharePeople') })
      await page.getByLabel('Besides its owner, who uses it?').selectOption('Those whom I name')
      await page.getByLabel(isOffered ? 'Add a team or a person' : 'Add a team').fill('ivans')
      await page.getByRole('button', { name: 'Add team ivans' }).waitFor()
      await page.getByLabel(isOffered ? 'Add a team or a person' : 'Add a team').fill('hidden-person')
      await page.getByRole('button', { name: 'Add team ivans' }).waitFor({ state: 'detached' })
      if (isOffered) await page.getByRole('button', { name: /Add hidden-person \(/ }).click()
      expect([asked.length > 0, await page.getByRole('list', { name: 'Shared with: chosen' }).count()]).toEqual(isOffered ? [true, 1] : [false, 0])
    }
  })

  it('saves over a known revision: what another saved meanwhile is shown against one\'s own, and can be gone back to', async () => {
    const bert = await server.user('bert')
    const id = await register(bert, 'shared-work')
    const page = await open(bert.token, `/agents/me/${id}/edit`)
    await page.getByRole('textbox', { name: 'Prompt', exact: true }).fill('Mine.')
    await bert.client.execute(UpdateAgentDocument, { input: { id, expectedRevision: 1, definition: { prompt: 'Theirs.' } } })
    await page.getByText('bert saved revision 2 meanwhile.').waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('alert').getByText('REVISION_CONFLICT').waitFor()
    expect(await page.getByRole('region', { name: 'What yours would change' }).innerText()).toMatch(/-.*"Theirs\."\n.*\+.*"Mine\."/s)
    await page.getByRole('button', { name: 'Save mine over it' }).click()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Revision 2, by bert').click()
    await page.getByRole('button', { name: 'Roll back to revision 2' }).click()
    await page.getByRole('button', { name: 'Roll back', exact: true }).click()
    await page.getByText('Revision 4, by bert').waitFor()
    await page.getByText('Theirs.', { exact: true }).waitFor()
  })

  it('imports an .agent.md: says what it would become and what of its front matter is passed over before anything is stored', async () => {
    const carl = await server.user('carl')
    const page = await open(carl.token, '/agents/me/import')
    await page.getByLabel('Or paste it').fill('---\nname: helper\ncolour: blue\nmcpServers:\n  - nowhere\n---\nYou *help*.')
    await page.getByText('Will be added').waitFor()
    await page.getByText('agent-unknown-key').first().waitFor()
    await page.getByText('not available to you').waitFor()
    expect((await carl.raw('{ agents { nodes { name } } }')).data).toEqual({ agents: { nodes: [] } })
    await page.locator('input[type=file]').setInputFiles({ name: 'other.agent.md', mimeType: 'text/markdown', buffer: Buffer.from('---\nname: chosen\n---\nYou _choose_.') })
    await preview(page).locator('em').getByText('choose').waitFor()
    await page.getByText('pilothouse import other.agent.md --owner me').waitFor()
    const dropped = await page.evaluateHandle(`(() => { const files = new DataTransfer(); files.items.add(new File(['---\\nname: dropped\\n---\\nYou _drop_.'], 'third.agent.md')); return files })()`)
    await page.getByLabel('Or paste it').dispatchEvent('drop', { dataTransfer: dropped })
    await preview(page).locator('em').getByText('drop').waitFor()
    await page.getByRole('button', { name: 'Import', exact: true }).click()
    await page.getByRole('heading', { level: 1, name: 'dropped' }).waitFor()
    expect((await carl.raw('{ agents { nodes { name } } }')).data).toEqual({ agents: { nodes: [{ name: 'dropped' }] } })
  })

  it('S7: shows Markdown from outside without anything in it that acts, loads or leads elsewhere, and what is hidden in it', async () => {
    const dora = await server.user('dora')
    const page = await open(dora.token, `/agents/me/${await register(dora, 'hostile', { prompt: hostileMarkdown, description: hostileMarkdown })}/prompt`)
    const prompt = page.getByRole('region', { name: 'The whole prompt' })
    await prompt.getByRole('heading', { name: 'Title \\u{202e}gnp.js' }).waitFor()
    const text = await prompt.innerText()
    for (const seen of [
      '<script>document.title="1"</script>', '<img src=x onerror="document.title=1">', 'click (javascript:document.title=1)', 'ref (vbscript:x)', 'image: a picture',
      'image: https://elsewhere.example.com/2.png', '<iframe src="https://elsewhere.example.com"></iframe>', '<script>2</script>\\u{200b}', '<b> <i>',
    ]) expect(text).toContain(seen)
    const links = await prompt.getByRole('link').evaluateAll((all) => all.map((one) => (one as unknown as { href: string }).href))
    expect(links).toEqual(['https://example.com/%E2%80%8Bx'])
    expect(await page.getByRole('main').innerText()).not.toMatch(/[\u202e\u200b]/)
    expect(await page.locator('img, iframe, main script').count()).toBe(0)
    expect([await page.title(), await refusalsOf(page)]).toEqual(['hostile · Pilothouse', []])
  })

  it('S7: shows as it was written what takes too long to read, and stays usable meanwhile', async () => {
    const finn = await server.user('finn')
    const page = await open(finn.token, `/agents/me/${await register(finn, 'slow', { prompt: slowMarkdown })}`)
    await page.getByRole('link', { name: 'Read all of it (1 line)' }).click()
    const prompt = page.getByRole('region', { name: 'The whole prompt' })
    await prompt.getByText('Reading…').waitFor()
    await page.getByText('Yes, in your sessions.').waitFor()
    await prompt.getByText('>>>>>').waitFor()
    expect(await prompt.locator('blockquote').count()).toBe(0)
    await prompt.getByRole('button', { name: 'As written' }).click()
    await prompt.getByRole('region', { name: 'The prompt as it was written' }).waitFor()
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const eve = await server.user('eve')
    const id = await register(eve, 'axe', { mcpServers: ['nowhere'], prompt: '# A\n\n> b\n\n```\ncode\n```\n\n[c](https://example.com)' })
    const page = await open(eve.token, `/agents/me/${id}`)
    for (const [path, ready] of [[id, 'Go back'], [`${id}/edit`, 'It can be saved'], ['import', 'Or paste it']] as const) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(`/agents/me/${path}`)
      await (path === id ? page.getByText('Yes, in your sessions.') : page.getByText(ready)).waitFor()
      if (path !== 'import') await page.getByRole('heading', { name: 'A', exact: true }).waitFor()
      expect([path, await axeProblems(page)]).toEqual([path, []])
      await page.setViewportSize({ width: 390, height: 844 })
      // What a form is made of is the same in both; a detail changes places with its list.
      expect([path, path === id ? await axeProblems(page) : [], await isTooWide(page), await refusalsOf(page)]).toEqual([path, [], false, []])
    }
  })
})
