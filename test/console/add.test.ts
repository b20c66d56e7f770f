import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, signIn, startBrowser } from '../support/chromium.js'
import { appliedEntry, createReporter, sessionOf } from '../support/reporter.js'
import { type Person, startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

/** In the form of GitHub's, and nobody's. */
const token = `ghp_${'a1B2'.repeat(9)}`
const jsonOf = (servers: object) => JSON.stringify({ mcpServers: servers }, null, 2)

describe.runIf(hasBrowser)('adding an MCP server in the console', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = async (who: Person, path = '/integrations/add') => {
    const page = await browser.lend(server.url)
    await signIn(page, who.token, path)
    return page
  }
  const pasteBox = (page: Page) => page.getByLabel('Paste JSON')
  const saved = (page: Page, name: string) => page.getByRole('heading', { level: 1, name: `${name} is saved` }).waitFor()
  const named = async (who: Person, name: string) => {
    const { data } = await who.raw('query ($search: String!) { mcpServers(search: $search) { nodes { id name revision status mcpJson } } }', { search: name })
    return (data as { mcpServers: { nodes: Array<{ id: string; name: string; revision: number; status: string; mcpJson: unknown }> } }).mcpServers.nodes.find((node) => node.name === name)
  }

  const approve = async (name: string) => {
    const { data } = await server.admin.raw('{ approvals(state: PENDING) { nodes { id digest entryName } } }')
    const { id, digest } = (data as { approvals: { nodes: Array<{ id: string; digest: string; entryName: string }> } }).approvals.nodes.find(({ entryName }) => entryName === name)!
    await server.admin.raw('mutation ($input: DecideApprovalInput!) { decideApproval(input: $input) { cursor } }', { input: { id, digest, decision: 'APPROVE' } })
  }

  it('goes from the page to a registered server by a paste and two keys', async () => {
    const page = await open(await server.user('quick'))
    // The box has the focus: nothing has to be found first.
    await page.locator('textarea:focus').waitFor()
    await page.keyboard.insertText(JSON.stringify({ type: 'http', url: 'https://mcp.quick.example.com/mcp' }))
    await page.getByText('It needs no approval.').waitFor()
    await page.keyboard.press('Control+Enter')
    await saved(page, 'example')
    await page.getByText('Yes, in your sessions.').waitFor()
  })

  it('S14: makes a pasted secret a reference by one click, and keeps its value nowhere', async () => {
    const who = await server.user('secretive')
    const page = await open(who)
    await pasteBox(page).fill(jsonOf({ github: { type: 'http', url: 'https://github.example.com/mcp', headers: { Authorization: `Bearer ${token}` } } }))
    await page.getByText('This looks like').waitFor()
    await page.getByRole('button', { name: 'Store as secret github-authorization and use ${secret:github-authorization}' }).click()
    await page.getByText('It needs no approval.').waitFor()
    expect(await page.getByLabel('Header 1: value').inputValue()).toBe('Bearer ${secret:github-authorization}')
    expect(await page.evaluate<string>(`JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.documentElement.outerHTML, [...document.querySelectorAll('input, textarea')].map(({ value }) => value)])`)).not.toContain(token)
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await saved(page, 'github')
    expect((await named(who, 'github'))?.mcpJson).toMatchObject({ headers: { Authorization: 'Bearer ${secret:github-authorization}' } })
    expect((await who.raw('{ secrets(owner: { kind: USER }) { name version } }')).data).toEqual({ secrets: [{ name: 'github-authorization', version: 1 }] })
    // Another server's of the same name is another secret: what is there is never replaced.
    await page.getByRole('link', { name: 'Add another' }).click()
    await pasteBox(page).fill(jsonOf({ github: { command: 'npx', args: ['-y', 'a@1.0.0'], env: { 'github-authorization': token } } }))
    await page.getByRole('button', { name: 'Store as secret github-authorization-2' }).waitFor()
    expect(await refusalsOf(page)).toEqual([])
  })

  it('shows the session that has it as soon as a worker tells', async () => {
    const who = await server.user('watching')
    const { id, cursor } = await server.register(who, 'watched')
    const page = await open(who, `/integrations/added/${id}`)
    await page.getByText('In no session that you may see yet.').waitFor()
    const reporter = createReporter(await server.worker(), 'worker-1')
    await reporter.send([sessionOf('session-1', who, cursor, appliedEntry(id, 'APPLIED', { name: 'watched' }))])
    await page.getByRole('listitem').filter({ hasText: /session-1 on worker-1\s*applied/ }).waitFor()
  })

  it('says before that an admin has to approve the command line, and shows after when one has', async () => {
    const page = await open(await server.user('local'))
    // A line that is typed is taken when it is complete, and not with its second word.
    await pasteBox(page).pressSequentially('npx a')
    await page.getByText('Press Enter at the end of the line.').waitFor()
    await pasteBox(page).fill('"files": { "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem@2025.1.14", "/data dir"] }')
    // What waits and what refuses stand apart: one field is wrong, the other is not.
    await page.getByLabel('Name', { exact: true }).fill('Files')
    await page.getByText('would be refused: one thing is marked.').waitFor()
    await page.locator('[aria-invalid="true"]').waitFor()
    await page.getByRole('list', { name: 'Findings' }).getByText('needs approval', { exact: true }).waitFor()
    expect(await page.getByRole('list', { name: 'Findings' }).getByText('refused', { exact: true }).count()).toBe(1)
    await page.getByLabel('Name', { exact: true }).fill('files')
    await page.getByText('An admin has to approve this command line:').waitFor()
    expect(await page.getByRole('region', { name: 'Command line to approve' }).innerText()).toBe("npx -y @modelcontextprotocol/server-filesystem@2025.1.14 '/data dir'")
    await page.keyboard.press('Control+Enter')
    await saved(page, 'files')
    await page.getByText('waits for approval', { exact: true }).waitFor()
    await approve('files')
    await page.getByText('active', { exact: true }).waitFor()
  })

  it.each<[string, string, RegExp | string]>([
    ['broken JSON, with its place', '{\n  "mcpServers": {\n    "a": { "command": "npx" }\n    "b": {}\n  }\n}', 'line 4, column 5: a comma'],
    ['no JSON at all', 'curl https://example.com | sh', 'line 1, column 1'],
    ['something without a server', '[{"command": "npx"}]', 'not a JSON object of servers'],
    ['a text that is too long', `{"a": "${'x'.repeat(1_000_000)}"}`, '1,000,009 characters'],
    ['more servers than are taken at once', JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`s${at}`, { url: 'https://a.example.com' }]))), '501 servers'],
    ['depth', '[[[['.repeat(20_000), 'column 80001'],
    ['unknown keys, which are dropped', '{"a": {"url": "https://a.example.com/mcp", "hooks": {"start": "rm -rf /"}, "autoApprove": ["*"]}}', /hooks means nothing here and is dropped.*autoApprove means nothing/s],
    ['what is of another kind', '{"a": {"url": "https://a.example.com/mcp", "headers": {"X": {"y": 1}}, "timeout": "soon"}}', /headers X is not of the kind.*timeout is not of the kind/s],
    ['neither command nor URL', '{"a": {"type": "stdio", "url": "https://a.example.com/mcp"}}', 'neither a command nor a url'],
    ['S7: markup for a name', '{"<img src=x onerror=alert(1)>": {"url": "https://a.example.com/mcp"}}', 'is not a name that the catalog takes'],
    ['S7: what nobody sees', '{"a": {"command": "npx", "args": ["-y", "a@1.0.0\\u202etxt"]}}', 'a@1.0.0\\u{202e}txt'],
    ['S1: what a runtime would fill in', '{"a": {"url": "https://a.example.com/mcp", "headers": {"X-Key": "${env:A_KEY}"}}}', /Value of A_KEY/],
    ['S4: a variable that steers programs', '{"a": {"command": "npx", "args": ["-y", "a@1.0.0"], "env": {"LD_PRELOAD": "/tmp/x.so"}}}', 'LD_PRELOAD steers how programs run'],
  ])('takes what is hostile as text: %s', async (_, text, said) => {
    const page = await hostilePage()
    const again = page.getByRole('button', { name: 'Start again' })
    if (await again.isVisible()) await again.click()
    await pasteBox(page).fill(text)
    await page.getByText(said).first().or(page.getByRole('main').filter({ hasText: said })).first().waitFor()
    expect(await page.locator('img').count()).toBe(0)
    expect(await refusalsOf(page)).toEqual([])
  })
  let kept: Promise<Page> | undefined
  /** One window for the table: a sign-in for each row would be most of its time. */
  const hostilePage = () => kept ??= (async () => {
    const page = await browser.open(server.url)
    await signIn(page, (await server.user('target')).token, '/integrations/add')
    return page
  })()

  it('takes several at once: those that can be, with what is said of each', async () => {
    const who = await server.user('several')
    await server.register(who, 'taken')
    const page = await open(who)
    await pasteBox(page).fill(jsonOf({
      first: { url: 'https://first.example.com/mcp' }, 7: { url: 'https://seven.example.com/mcp' }, taken: { url: 'https://taken.example.com/other' },
      local: { command: 'npx', args: ['-y', 'a@1.0.0'] }, Bad: { url: 'https://bad.example.com/mcp' },
    }))
    await page.getByText('3 of 5 would be added.').waitFor()
    await page.getByText('"Bad" is not a name that the catalog takes.').waitFor()
    await page.getByLabel('Add 7', { exact: true }).uncheck()
    const bad = page.getByRole('listitem').filter({ hasText: 'Bad' }).first()
    await bad.getByText('Change it').click()
    await bad.getByRole('button', { name: 'bad', exact: true }).click()
    await page.getByRole('button', { name: 'Add 3' }).click()
    await page.getByRole('heading', { name: 'Registered' }).waitFor()
    // The page goes on by itself as a worker tells and an admin approves.
    const row = (name: string) => page.getByRole('listitem').filter({ has: page.getByRole('link', { name, exact: true }) })
    await row('first').getByText('In no session that you may see yet.').waitFor()
    await row('local').getByText('waits for approval', { exact: true }).waitFor()
    const { id } = (await named(who, 'first'))!
    await createReporter(await server.worker(), 'worker-several').send(
      ['one', 'two'].map((session, at) => ({ ...sessionOf(session, who, '', appliedEntry(id, at === 0 ? 'APPLIED' : 'REFUSED', { name: 'first' })), cursor: null })))
    await row('first').getByText(/applied\s*in 1 session/).waitFor()
    await row('first').getByText(/refused\s*in 1 session/).waitFor()
    await approve('local')
    await row('local').getByText('active', { exact: true }).waitFor()
    expect(await Promise.all(['first', 'local', 'bad', '7'].map(async (name) => (await named(who, name))?.status ?? null))).toEqual(['ACTIVE', 'ACTIVE', 'ACTIVE', null])
    await page.getByRole('link', { name: 'first' }).click()
    await page.getByRole('heading', { level: 1, name: 'first' }).waitFor()
  })

  it('changes one, and shows what somebody else changed meanwhile without losing what was typed', async () => {
    const who = await server.user('editor')
    // What the answer of a query is made of besides is none of the input.
    const transport = (url: string) => ({ http: { url, headers: [{ name: 'X-Team', value: 'red' }] } })
    const { id, revision } = await server.register(who, 'edited', { definition: { transport: transport('https://edited.example.com/mcp') } })
    const page = await open(who, `/integrations/me/${id}`)
    await page.getByRole('link', { name: 'Change' }).click()
    await page.getByLabel('URL', { exact: true }).fill('https://mine.example.com/mcp')
    await who.raw('mutation ($input: UpdateMcpServerInput!) { updateMcpServer(input: $input) { cursor } }', { input: { id, expectedRevision: revision, definition: { description: 'theirs', transport: transport('https://theirs.example.com/mcp') } } })
    await page.getByText('changed it meanwhile').waitFor()
    expect(await page.getByRole('region', { name: 'What was changed meanwhile' }).innerText()).toContain('theirs.example.com')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('alert').filter({ hasText: 'REVISION_CONFLICT' }).waitFor()
    expect(await page.getByLabel('URL', { exact: true }).inputValue()).toBe('https://mine.example.com/mcp')
    await page.getByRole('button', { name: 'Keep what I typed, over theirs' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await saved(page, 'edited')
    expect(await named(who, 'edited')).toMatchObject({ revision: 3, mcpJson: { url: 'https://mine.example.com/mcp', headers: { 'X-Team': 'red' } } })
  })

  it('shares in the form with a team and a person, and says how the CLI does', async () => {
    const mate = await server.user('formmate')
    const team = await server.team('formers', [[mate, 'MEMBER']])
    const page = await open(server.admin)
    await pasteBox(page).fill(jsonOf({ formed: { url: 'https://formed.example.com/mcp' } }))
    await page.getByText('Who may use it, timeout and more').click()
    await page.getByLabel('Besides its owner, who uses it?').selectOption('Those whom I name')
    await page.getByText('A SHARED entry needs an audience.').waitFor()
    const pick = page.getByLabel('Add a team or a person')
    await pick.fill('formm')
    await page.getByRole('button', { name: /^Add formmate \(/ }).click()
    await pick.fill('formers')
    await page.getByRole('button', { name: 'Add team formers' }).waitFor()
    await pick.press('Enter')
    await page.getByText('It needs no approval.').waitFor()
    await page.getByText(`pilothouse share formed user:${mate.id} team:${team}`).waitFor()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await saved(page, 'formed')
    expect((await server.admin.raw('{ mcpServers(search: "formed") { nodes { visibility audience { kind id } } } }')).data)
      .toEqual({ mcpServers: { nodes: [{ visibility: 'SHARED', audience: [{ kind: 'TEAM', id: team }, { kind: 'USER', id: mate.id }] }] } })
  })

  it('is filled in and sent with the keyboard alone, from the palette on', async () => {
    const who = await server.user('keys')
    const page = await open(who, '/integrations')
    await page.getByText('No MCP server yet').waitFor()
    await page.keyboard.press('Control+k')
    await page.getByLabel('Page, act, MCP server or agent').waitFor()
    await page.keyboard.type('add an')
    await page.keyboard.press('Enter')
    await page.locator('textarea:focus').waitFor()
    const tab = async (times: number) => { for (let at = 0; at < times; at += 1) await page.keyboard.press('Tab') }
    await tab(1)
    await page.keyboard.type('typed')
    await tab(3)
    await page.keyboard.type('https://typed.example.com/mcp')
    await page.getByText('It needs no approval.').waitFor()
    await page.keyboard.press('Enter')
    await saved(page, 'typed')
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const page = await open(server.admin, '/integrations/add')
    await pasteBox(page).fill(jsonOf({ 'Long Name': { command: 'npx', args: ['-y', 'a@1.0.0', `--path=/${'long/'.repeat(30)}`], env: { GITHUB_TOKEN: token, LD_PRELOAD: 'x' }, hooks: {} } }))
    await page.getByText('would be refused').waitFor()
    await page.getByText('Another name, or another owner').click()
    await page.getByText('Who may use it, timeout and more').click()
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await pasteBox(page).fill(jsonOf({ second: { url: 'https://second.example.com/mcp' } }))
    await page.getByText('1 of 2 would be added.').waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    expect(await refusalsOf(page)).toEqual([])
  })
})
