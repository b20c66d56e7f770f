import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { env } from 'node:process'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** Debian's; .ci/run installs it. */
const executablePath = '/usr/bin/chromium'
/** Where there is none, what needs it is left out; but never in CI. */
export const hasBrowser = existsSync(executablePath) || env.CI !== undefined

export interface TestBrowser {
  /** A window of somebody who has never been here: cookies and storage of its own. `url`: of the API of a test server. */
  open: (url: string, options?: BrowserContextOptions) => Promise<Page>
  close: () => Promise<void>
}

/** One for all files of a worker of Vitest, which share what modules keep: starting it costs more than most tests. It ends with that worker. */
let running: Promise<Browser> | undefined
const launch = () => running ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** Where each page's console is. */
const origins = new WeakMap<Page, string>()

/** Chromium without a screen; closing it closes the windows that were opened by it. */
export async function startBrowser(): Promise<TestBrowser> {
  const browser = await launch()
  const contexts: BrowserContext[] = []
  return {
    open: async (url, options = {}) => {
      const { origin } = new URL(url)
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', colorScheme: 'light', baseURL: origin, ...options })
      contexts.push(context)
      const page = await context.newPage()
      origins.set(page, origin)
      await page.addInitScript(rememberRefusals)
      return page
    },
    close: async () => { await Promise.all(contexts.map((context) => context.close())) },
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

/** Signed in with the cookie that the form would get, and at a page. How the form does it, `signInByForm` shows. */
export async function signIn(page: Page, token: string, path = '/'): Promise<void> {
  const answer = await page.request.post('/session', { headers: { origin: origins.get(page)!, 'x-pilothouse-csrf': '1' }, data: { token } })
  if (!answer.ok()) throw new Error(`signing in: ${answer.status()} ${await answer.text()}`)
  await page.goto(path)
  await isSignedIn(page)
}

export async function signInByForm(page: Page, token: string, path = '/'): Promise<void> {
  await page.goto(path)
  await page.getByLabel('Access token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await isSignedIn(page)
}

/** On a narrow screen the tree is there, and folded away. */
const isSignedIn = (page: Page) => page.getByRole('navigation', { name: 'Sections', includeHidden: true }).waitFor({ state: 'attached' })

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface AxeResult {
  violations: Array<{ id: string; nodes: Array<{ html: string; failureSummary: string }> }>
}

/** Those of axe-core's rules that another scheme of colours can break; the others look at the structure, which is the same in both. */
const colourRules = ['color-contrast', 'link-in-text-block']

/** What axe-core finds wrong with the page as it is, in the light and in the dark, a line each. The page follows the system's scheme, and is left in the light. */
export async function axeProblems(page: Page): Promise<string[]> {
  const light = await runAxe(page, 'light')
  const dark = await runAxe(page, 'dark', colourRules)
  await useScheme(page, 'light')
  return [...light, ...dark]
}

async function runAxe(page: Page, scheme: 'light' | 'dark', rules?: string[]): Promise<string[]> {
  await useScheme(page, scheme)
  if (await page.evaluate('typeof axe === "undefined"')) await page.evaluate(axeSource)
  // Passes are not told of, which is half of the work, and nothing here plays.
  const options = { resultTypes: ['violations'], preload: false, ...rules && { runOnly: rules } }
  const { violations } = await page.evaluate((given) => (globalThis as unknown as { axe: { run: (options: object) => Promise<AxeResult> } }).axe.run(given), options)
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${scheme}: ${id}: ${html.slice(0, 200)}: ${failureSummary}`))
}

async function useScheme(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme })
  await page.locator(`html[data-mantine-color-scheme=${colorScheme}]`).waitFor()
}

/** Whether something of the page lies beyond the right edge of the window. */
export async function isTooWide(page: Page): Promise<boolean> {
  return await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
}
