import { type Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { canary, plainCanary } from '../support/canary.js'
import { axeProblems, hasBrowser, isTooWide, refusalsOf, startBrowser } from '../support/chromium.js'
import { startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

const markup = '<img src=x onerror="document.title=1">'
const hostile = `${markup} \u202egnp.js`
const putSecret = 'mutation ($input: PutSecretInput!) { putSecret(input: $input) { cursor } }'

describe.runIf(hasBrowser)('secrets in the console', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const open = (token: string, path: string) => browser.enter(server.url, token, path)
  const withReference = (value: string, name = 'Authorization', url = 'https://tickets.example.com/mcp') => (
    { definition: { transport: { http: { url, headers: [{ name, value }] } } } })

  it('S14: a value that was set, and then replaced, is nowhere in the page, its storage, its address, its log, its state or an answer', async () => {
    const values = [canary('first'), `${plainCanary('of several')}\nlines\n`]
    const heard: string[] = []
    const page = await open(server.admin.token, '/secrets/me')
    page.on('console', (message) => heard.push(message.text()))
    page.on('pageerror', (error) => heard.push(String(error)))
    page.on('response', (response) => void response.text().then((text) => heard.push(response.url(), text), () => {}))
    await page.getByText('No secret yet').waitFor()
    await page.getByRole('link', { name: 'Add a secret' }).click()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('1 to 64 letters').last().waitFor()
    await page.getByLabel('Name').fill('tickets')
    await page.getByLabel('Value', { exact: true }).fill(values[0]!)
    expect(await page.content()).not.toContain('Kq7ZfR2mWx4T')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('version 1').first().waitFor()
    await paste(page, 'New value', values[1]!)
    expect(await page.getByLabel('New value').inputValue()).toBe(values[1])
    await page.getByRole('button', { name: 'Replace', exact: true }).click()
    await page.getByText('Version 2 is set.').waitFor()
    expect(await page.getByLabel('New value').inputValue()).toBe('')
    const kept = await page.evaluate<string>(whatIsKept)
    const sinks = { address: page.url(), page: await page.content(), kept, heard: heard.join('\n') }
    for (const part of ['Kq7ZfR2mWx4T', 'Vp9LsB3nHy6D']) expect(Object.entries(sinks).filter(([, text]) => text.includes(part)).map(([sink]) => sink)).toEqual([])
    expect(sinks.heard).toContain('putSecret')
    expect(kept).toContain('tickets')
  })

  it('names what uses a secret before it is deleted', async () => {
    const anna = await server.user('deleting')
    await anna.raw(putSecret, { input: { owner: { kind: 'USER' }, name: 'going', value: 'x'.repeat(12) } })
    await server.register(anna, 'uses-it', withReference('Bearer ${user:going}'))
    const page = await open(anna.token, '/secrets/me/going')
    await page.getByRole('link', { name: 'uses-it' }).waitFor()
    await page.getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delete going?' })
    await dialog.getByText('uses-it: No live session that you may see has it.').waitFor()
    await dialog.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByText('No secret yet').waitFor()
  })

  it('S24: connects an account where the place was looked at, and asks again once that place is another one', async () => {
    const berta = await server.user('connecting')
    const { id, revision } = await server.register(server.admin, 'crew-tickets', { owner: { kind: 'DEPLOYMENT' }, ...withReference('Bearer ${user:crew}') })
    const page = await open(berta.token, `/integrations/all/${id}`)
    await page.getByText('not confirmed', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Connect your account' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('tickets.example.com', { exact: true }).waitFor()
    await dialog.getByText('Authorization: Bearer ${user:crew}').waitFor()
    await dialog.getByLabel('Value of crew').fill(plainCanary('crew'))
    await dialog.getByRole('button', { name: 'Set it, and let it go there' }).click()
    await page.getByText('ready', { exact: true }).waitFor()
    expect(await page.content()).not.toContain('Kq7ZfR2mWx4T')
    await server.admin.raw('mutation ($input: UpdateMcpServerInput!) { updateMcpServer(input: $input) { cursor } }', {
      input: { id, expectedRevision: revision, ...withReference('Bearer ${user:crew}', 'Authorization', 'https://elsewhere.example.com/mcp') },
    })
    await page.getByText('since revision 2').first().waitFor()
    await page.getByRole('button', { name: 'Connect your account' }).click()
    await dialog.getByText('elsewhere.example.com', { exact: true }).waitFor()
    await dialog.getByText('It stays as it is.').waitFor()
    // Changed once more while it was looked at: that place is not confirmed.
    await server.admin.raw('mutation ($input: UpdateMcpServerInput!) { updateMcpServer(input: $input) { cursor } }', {
      input: { id, expectedRevision: revision + 1, ...withReference('Bearer ${user:crew}', 'Authorization', 'https://third.example.com/mcp') },
    })
    await dialog.getByRole('button', { name: 'Let it go there' }).click()
    await dialog.getByText('REVISION_CONFLICT').waitFor()
    await dialog.getByText('elsewhere.example.com', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('since revision 3').first().waitFor()
    await page.getByRole('button', { name: 'Connect your account' }).click()
    await dialog.getByText('third.example.com', { exact: true }).waitFor()
    await dialog.getByRole('button', { name: 'Let it go there' }).click()
    await page.getByText('ready', { exact: true }).waitFor()
  })

  it('S7: shows who set a secret, and the whole command line that would get it, as text with what is hidden in it', async () => {
    const made = await server.admin.raw('mutation ($name: String!) { createUser(provider: "test", subject: "hostile", displayName: $name, role: USER) { id } }', { name: hostile })
    const { id: userId } = made.data!.createUser as { id: string }
    const token = await server.admin.raw('mutation ($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { secret } }', { input: { kind: 'PERSONAL', name: 'hostile', userId } })
    const { secret } = token.data!.createAccessToken as { secret: string }
    const page = await open(secret, '/secrets/me/+new?name=hostile-one')
    await page.getByLabel('Value', { exact: true }).fill('w'.repeat(12))
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    const setBy = page.locator('dd').filter({ hasText: 'version 1' })
    await setBy.waitFor()
    expect(await setBy.innerText()).toContain(`${markup} \\u{202e}gnp.js`)
    const registered = await server.admin.raw('mutation ($input: RegisterMcpServerInput!) { registerMcpServer(input: $input) { mcpServer { id } } }', {
      input: {
        owner: { kind: 'USER', id: userId }, name: 'steered',
        definition: { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3', markup], env: [{ name: 'API_KEY', value: '${user:hostile-one}' }, { name: 'REGION', value: markup }] } } },
      },
    })
    await page.goto(`/integrations/me/${(registered.data!.registerMcpServer as { mcpServer: { id: string } }).mcpServer.id}`)
    await page.getByRole('button', { name: 'Connect your account' }).click()
    const dialog = page.getByRole('dialog')
    expect(await dialog.getByRole('region', { name: 'Command line' }).innerText()).toBe(`npx -y srv@1.2.3 '${markup}'`)
    await dialog.getByText(`REGION: ${markup}`).waitFor()
    expect([await page.locator('img').count(), await refusalsOf(page)]).toEqual([0, []])
  })

  it('hides what one may not do, and shows members who set what', async () => {
    const clara = await server.user('looking')
    const team = await server.team('crew', [[clara, 'MEMBER']])
    await server.admin.raw(putSecret, { input: { owner: { kind: 'TEAM', id: 'crew' }, name: 'shared-key', value: 'y'.repeat(12) } })
    const page = await open(clara.token, `/secrets/team:${team}`)
    await page.getByRole('link', { name: 'shared-key' }).waitFor()
    expect(await page.getByLabel('Whose').locator('option').allInnerTexts()).toEqual(['Team crew', 'Mine'])
    await page.getByRole('link', { name: 'shared-key' }).click()
    await page.getByText('You can see that it is there, and not change it.').waitFor()
    expect(await page.getByRole('button', { name: /Delete|Replace/ }).count()).toBe(0)
    expect(await page.getByRole('link', { name: 'Add a secret' }).count()).toBe(0)
  })

  it('is without a finding of axe and of the content policy in the light and the dark, also at 390 px', async () => {
    const name = 'axe'
    await server.admin.raw(putSecret, { input: { owner: { kind: 'DEPLOYMENT' }, name, value: 'z'.repeat(12) } })
    const { id } = await server.register(server.admin, name, { owner: { kind: 'DEPLOYMENT' }, ...withReference(`\${secret:${name}} \${user:${name}}`, 'X-Key') })
    const page = await open(server.admin.token, `/secrets/deployment/${name}`)
    await page.getByRole('button', { name: 'Replace', exact: true }).waitFor()
    expect(await axeProblems(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await isTooWide(page)).toBe(false)
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('No live session').waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('link', { name: name, exact: true }).click()
    await page.getByRole('button', { name: 'Connect your account' }).waitFor()
    expect([await axeProblems(page), await isTooWide(page)]).toEqual([[], false])
    await page.getByRole('button', { name: 'Connect your account' }).click()
    await page.getByLabel(`Value of ${name}`).waitFor()
    expect([await axeProblems(page), await isTooWide(page), await refusalsOf(page)]).toEqual([[], false, []])
    expect(page.url()).toContain(id)
  })
})

async function paste(page: Page, label: string, text: string): Promise<void> {
  await page.getByLabel(label).evaluate((element, pasted) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', pasted)
    element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
  }, text)
  await page.locator('textarea').waitFor()
}

/** Storage, and whatever hangs on the elements of the page: React keeps props, state and hooks there. Elements themselves are left out: fields hold what is typed. */
const whatIsKept = `(() => {
  const texts = [JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, history.state])]
  const seen = new Set()
  const queue = [...document.querySelectorAll('*')].flatMap((element) => Object.keys(element).filter((key) => key.startsWith('__react')).map((key) => element[key]))
  while (queue.length > 0) {
    const one = queue.pop()
    if (typeof one === 'string') texts.push(one)
    if (one === null || (typeof one !== 'object' && typeof one !== 'function') || seen.has(one)) continue
    seen.add(one)
    const values = one instanceof Map ? [...one.keys(), ...one.values()] : one instanceof Set ? [...one] : []
    for (const key of Reflect.ownKeys(one)) {
      const descriptor = Object.getOwnPropertyDescriptor(one, key)
      if ('value' in descriptor) values.push(descriptor.value)
    }
    queue.push(...values)
  }
  return texts.join('\\n')
})()`
