import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { env } from 'node:process'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

/** Debian's; .ci/run installs it. */
const executablePath = '/usr/bin/chromium'
/** Where there is none, what needs it is left out; but never in CI. */
export const hasBrowser = existsSync(executablePath) || env.CI !== undefined

export interface TestBrowser {
  /** A window of somebody who has never been here: cookies and storage of its own. `url`: of the API of a test server. */
  open: (url: string, options?: BrowserContextOptions) => Promise<Page>
  /** The same for the test that runs, which gives it back: emptied it serves the next one, at a third of the work that a new one makes. */
  lend: (url: string) => Promise<Page>
  /** A lent one of somebody who is signed in, at a page. */
  enter: (url: string, token: string, path: string) => Promise<Page>
  close: () => Promise<void>
}

/** One for all files of a worker of Vitest, which share what modules keep: starting it costs more than most tests. It ends with that worker. */
let running: Promise<Browser> | undefined
const launch = () => running ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })

/** Where each page's console is. */
const origins = new WeakMap<Page, string>()
/** Windows that were given back. */
const idle: Page[] = []
const usual = { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', colorScheme: 'light' } as const

async function createPage(options: BrowserContextOptions): Promise<Page> {
  const context = await (await launch()).newContext({ ...usual, ...options })
  const page = await context.newPage()
  await page.addInitScript(rememberRefusals)
  return page
}

/** Chromium without a screen; closing it closes the windows that were opened by it. */
export async function startBrowser(): Promise<TestBrowser> {
  await launch()
  const contexts: BrowserContext[] = []
  const lend = async (url: string) => {
    const page = idle.pop() ?? relativeTo(origins, await createPage({}))
    origins.set(page, new URL(url).origin)
    onTestFinished(async () => {
      if (await emptied(page).catch(() => false)) idle.push(page)
      else await page.context().close()
    })
    return page
  }
  return {
    open: async (url, options = {}) => {
      const { origin } = new URL(url)
      const page = await createPage({ baseURL: origin, ...options })
      contexts.push(page.context())
      origins.set(page, origin)
      return page
    },
    lend,
    enter: async (url, token, path) => {
      const page = await lend(url)
      await signIn(page, token, path)
      return page
    },
    close: async () => { await Promise.all(contexts.map((context) => context.close())) },
  }
}

/** A context's base is fixed when it is made, and a lent window goes from one server to the next. */
function relativeTo(bases: WeakMap<Page, string>, page: Page): Page {
  const goto = page.goto.bind(page)
  page.goto = (path, options) => goto(new URL(path, bases.get(page)).href, options)
  return page
}

/** Takes back what a test did to its window, and says whether that could be done. */
async function emptied(page: Page): Promise<boolean> {
  const context = page.context()
  if (page.isClosed() || context.pages().length > 1) return false
  for (const event of ['console', 'pageerror', 'request', 'response', 'dialog'] as const) page.removeAllListeners(event)
  await Promise.all([page.unrouteAll({ behavior: 'ignoreErrors' }), context.unrouteAll({ behavior: 'ignoreErrors' })])
  // A page of the same server without a script: the console is gone, and what it kept can still be reached.
  await page.goto('/health')
  await page.evaluate('localStorage.clear(); sessionStorage.clear(); window.name = ""')
  await Promise.all([context.clearCookies(), context.clearPermissions(), page.setViewportSize(usual.viewport), page.emulateMedia({ reducedMotion: usual.reducedMotion, colorScheme: usual.colorScheme }), page.mouse.move(0, 0)])
  page.setDefaultTimeout(30_000)
  return true
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
  const origin = origins.get(page)!
  const answer = await page.request.post(`${origin}/session`, { headers: { origin, 'x-pilothouse-csrf': '1' }, data: { token } })
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

/** Whether something lies beyond the right edge of the window, or of a part of the page that scrolls by itself, and stays there; exact text may, in its own frame. */
export async function isTooWide(page: Page): Promise<boolean> {
  // Columns are counted anew in a frame after the window has another size.
  return await page.waitForFunction(hasRoom, undefined, { polling: 'raf', timeout: 3_000 }).then(() => false, () => true)
}

const hasRoom = `[document.documentElement, ...document.querySelectorAll('body *:not(pre, textarea, input, select)')].every((one) =>
  one.scrollWidth <= one.clientWidth + 1 || (one !== document.documentElement && !['auto', 'scroll'].includes(getComputedStyle(one).overflowX)))`
