import { readFileSync } from 'node:fs'
import { type Locator, type Page } from 'playwright-core'
import { beforeAll, describe, expect, it } from 'vitest'
import { EffectiveCatalogDocument, RegisterMcpServerDocument, RevokeEntryDocument } from '../../src/client/index.js'
import { hasBrowser, startBrowser } from '../support/chromium.js'
import { report, sessionOf } from '../support/reporting.js'
import { startTestServer } from '../support/server.js'
import { shared } from '../support/shared.js'

interface Stop {
  what: string
  isNowhere: boolean
  isSeen: boolean
}

/** What has the focus: whether it is in sight, with an outline around it, or around the frame that it fills. */
const focused = `(() => {
  const at = document.activeElement, box = at.getBoundingClientRect()
  const isOutlined = (one) => getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) >= 2
  const isInSight = box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth
  return { what: at.outerHTML.slice(0, 160), isNowhere: at === document.body, isSeen: isInSight && (isOutlined(at) || at.matches('textarea') && isOutlined(at.parentElement)) }
})()`
const most = 250

describe.runIf(hasBrowser)('by keyboard alone', () => {
  const { server, browser } = shared({ server: startTestServer, browser: startBrowser })
  const press = (page: Page, key: string) => page.keyboard.press(key)
  const has = async (at: Locator) => await at.and(at.page().locator(':focus')).count() > 0

  /** Tab until that has the focus. */
  async function reach(page: Page, at: Locator): Promise<void> {
    await at.first().waitFor()
    for (let tabs = 0; !await has(at); tabs++) {
      if (tabs > most) throw new Error(`no Tab leads to ${String(at)}`)
      await press(page, 'Tab')
    }
  }
  const type = async (page: Page, at: Locator, text: string) => {
    await reach(page, at)
    await page.keyboard.insertText(text)
  }
  const does = async (page: Page, at: Locator, key = 'Enter') => {
    await reach(page, at)
    await press(page, key)
  }
  /** Tab through all there is from here on. */
  async function toTheEnd(page: Page): Promise<Stop[]> {
    const stops: Stop[] = []
    do {
      await press(page, 'Tab')
      stops.push(await page.evaluate<Stop>(focused))
    } while (!stops.at(-1)!.isNowhere && stops.length < most && (stops.length === 1 || stops.at(-1)!.what !== stops[0]!.what))
    return stops
  }
  /** A dialog keeps the keyboard, and Escape gives it back to what opened it. */
  async function opensAndCloses(page: Page, opener: Locator): Promise<void> {
    await does(page, opener)
    const dialog = page.getByRole('dialog')
    await dialog.locator(':focus').waitFor()
    for (let tabs = 0; tabs < 12; tabs++) {
      await press(page, 'Tab')
      expect([await dialog.locator(':focus').count(), (await page.evaluate<Stop>(focused))]).toMatchObject([1, { isSeen: true }])
    }
    await press(page, 'Escape')
    await opener.and(page.locator(':focus')).waitFor()
  }

  const main = (page: Page) => page.getByRole('main')
  const button = (page: Page, name: string) => main(page).getByRole('button', { name, exact: true })
  const dialogButton = (page: Page, name: string) => page.getByRole('dialog').getByRole('button', { name, exact: true })
  const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name }).waitFor()
  const field = (page: Page, name: string) => page.getByLabel(name, { exact: true })

  /** The main thing that one comes to do on each page of the tree. */
  const acts: Record<string, (page: Page) => Promise<void>> = {
    integrations: async (page) => {
      await does(page, main(page).getByRole('link', { name: 'Add an MCP server', exact: true }))
      await type(page, field(page, 'Paste JSON'), '{"mcpServers":{"by-keys":{"type":"http","url":"https://keys.example.com/mcp"}}}')
      await does(page, button(page, 'Add'))
      await heading(page, 'by-keys is saved')
    },
    agents: async (page) => {
      await does(page, main(page).getByRole('link', { name: 'Add an agent', exact: true }))
      await type(page, main(page).getByRole('textbox', { name: 'Name', exact: true }), 'keys-agent')
      await type(page, main(page).getByRole('textbox', { name: /^Prompt/ }), 'You help.')
      await does(page, button(page, 'Add'))
      await heading(page, /keys-agent/)
    },
    approvals: async (page) => {
      await does(page, main(page).getByRole('link', { name: /waits-for-keys/ }))
      await opensAndCloses(page, button(page, 'Approve…'))
      await press(page, 'Enter')
      await does(page, dialogButton(page, 'Approve'))
      await main(page).getByText('approved', { exact: true }).first().waitFor()
    },
    revocations: async (page) => {
      await does(page, main(page).getByRole('link', { name: /gone-by-keys/ }))
      await heading(page, /gone-by-keys/)
    },
    secrets: async (page) => {
      await does(page, main(page).getByRole('link', { name: 'Add a secret', exact: true }).first())
      await type(page, field(page, 'Name'), 'keys')
      await type(page, field(page, 'Value'), 'a value that nobody reads')
      await does(page, main(page).getByRole('form').getByRole('button', { name: 'Add', exact: true }))
      await heading(page, 'keys')
    },
    policy: async (page) => {
      await does(page, field(page, 'The policy, as JSON'), 'ControlOrMeta+a')
      await page.keyboard.insertText('{ "transports": { "http": "deny" } }')
      await does(page, button(page, 'Simulate'))
      await main(page).getByText(/denied\.$/).waitFor()
      // What is typed and not saved would ask before the next page.
      await does(page, button(page, 'Undo my changes'))
    },
    workers: async (page) => {
      await does(page, main(page).getByRole('link', { name: /keys-desk/ }))
      await page.getByRole('list', { name: 'Sessions' }).waitFor()
    },
    people: async (page) => {
      await does(page, main(page).getByRole('link', { name: 'Add a user', exact: true }))
      await type(page, page.getByLabel('Identity provider'), 'keys')
      await type(page, page.getByLabel('Subject'), 'typed')
      await does(page, button(page, 'Add'))
      await heading(page, 'typed')
    },
    audit: async (page) => {
      await does(page, page.getByLabel('What was done'), 'ArrowDown')
      await page.waitForURL('**/audit?action=*')
      await does(page, main(page).getByRole('region', { name: 'Changes' }).getByRole('link').first())
      await main(page).getByRole('heading', { name: 'What changed' }).waitFor()
    },
    tokens: async (page) => {
      await does(page, main(page).getByRole('link', { name: 'Add a token', exact: true }))
      await type(page, page.getByLabel('Name'), 'made by keys')
      await does(page, button(page, 'Add'))
      await page.getByRole('region', { name: 'The new token' }).waitFor()
      await does(page, main(page).getByRole('link', { name: 'Done' }))
      await main(page).getByText('made by keys').waitFor()
    },
  }
  const titles = new Map([...readFileSync(new URL('../../console/src/sections.ts', import.meta.url), 'utf8').matchAll(/path: '(\w+)', title: '([\w ]+)'/g)].map(([, path, title]) => [path!, title!]))

  it('has an act for each page of the tree', () => expect([...titles.keys()]).toEqual(Object.keys(acts)))

  let page: Page
  beforeAll(async () => {
    const ada = await server.user('ada')
    await ada.client.execute(RegisterMcpServerDocument, { input: { owner: { kind: 'USER' }, name: 'waits-for-keys', definition: { transport: { stdio: { command: 'npx', args: ['-y', 'srv@1.2.3'] } } } } })
    const { id } = await server.register(server.admin, 'gone-by-keys')
    await server.admin.client.execute(RevokeEntryDocument, { input: { id, reason: 'gone-by-keys' } })
    const { effectiveCatalog: { cursor } } = await server.admin.client.execute(EffectiveCatalogDocument, { owner: { kind: 'USER' } })
    await report(await server.worker(), 'keys-desk', 1, [sessionOf(server.admin, 's1', { cursor })])
    page = await browser.open(server.url)
    page.setDefaultTimeout(9000)
  })

  it('one signs in', async () => {
    await page.goto('/')
    await field(page, 'Access token').waitFor()
    expect(await page.evaluate<Stop>(focused)).toMatchObject({ isSeen: true })
    await page.evaluate('document.activeElement.blur()')
    expect((await toTheEnd(page)).filter(({ isNowhere, isSeen }) => !isNowhere && !isSeen)).toEqual([])
    await type(page, field(page, 'Access token'), server.admin.token)
    await press(page, 'Enter')
    await page.getByRole('navigation', { name: 'Sections' }).waitFor()
  })

  // One after the other in the same window, as somebody would who has no mouse.
  it.each(Object.entries(acts))('%s is gone to, seen through and worked at: the focus is always in sight, and nothing holds it', async (path, act) => {
    await press(page, 'Control+k')
    await page.getByRole('combobox').and(page.locator(':focus')).waitFor()
    await page.keyboard.insertText(titles.get(path)!)
    await press(page, 'Enter')
    await page.waitForURL(`**/${path}{,/**}`)
    await main(page).getByRole('heading', { level: 1 }).first().waitFor()
    // The header and the tree are the same on every page: seen through once, and left by their link.
    await page.evaluate('document.activeElement.blur()')
    if (path !== 'integrations') await does(page, page.getByRole('link', { name: 'Skip to the page' }))
    const stops = await toTheEnd(page)
    expect([stops.length < most, stops.filter(({ isNowhere, isSeen }) => !isNowhere && !isSeen)]).toEqual([true, []])
    await page.evaluate('document.activeElement.blur()')
    await does(page, page.getByRole('link', { name: 'Skip to the page' }))
    await act(page)
  })
})
