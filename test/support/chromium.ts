import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { env } from 'node:process'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Debian's; .ci/run installs it. */
const executablePath = '/usr/bin/chromium'
/** Where there is none, what needs it is left out; but never in CI. */
export const hasBrowser = existsSync(executablePath) || env.CI !== undefined

export interface TestBrowser {
  /** A window of somebody who has never been here: cookies and storage of its own. `url`: of the API of a test server. */
  open: (url: string, options?: BrowserContextOptions) => Promise<Page>
  close: () => Promise<void>
}

/** Chromium without a screen, in a folder of its own that goes with it. */
export async function startBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  return {
    open: async (url, options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', baseURL: new URL('/', url).href, ...options })
      const page = await context.newPage()
      await page.addInitScript(rememberRefusals)
      return page
    },
    close: () => browser.close(),
  }
}

/** What the content policy refused, for `refusalsOf`. */
function rememberRefusals(): void {
  const page = globalThis as unknown as { refusals: string[]; addEventListener: (type: string, hear: (event: { violatedDirective: string; blockedURI: string }) => void) => void }
  page.refusals = []
  page.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => void page.refusals.push(`${violatedDirective} ${blockedURI}`))
}

/** What the content policy of the page refused so far: the console needs nothing of it. */
export async function refusalsOf(page: Page): Promise<string[]> {
  return await page.evaluate(() => (globalThis as unknown as { refusals: string[] }).refusals)
}

export async function signIn(page: Page, token: string, path = '/'): Promise<void> {
  await page.goto(path)
  await page.getByLabel('Access token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Sections' }).waitFor({ state: 'attached' })
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResult {
  violations: Array<{ id: string; nodes: Array<{ html: string; failureSummary: string }> }>
}

/** What axe-core finds wrong with the page as it is, a line each. */
export async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(axeSource)
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<AxeResult> } }).axe.run())
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)}: ${failureSummary}`))
}

/** Whether something of the page lies beyond the right edge of the window. */
export async function isTooWide(page: Page): Promise<boolean> {
  return await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
}
