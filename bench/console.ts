import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { createCatalogClient, UpdateMcpServerDocument } from '../src/client/index.js'
import { killChildren } from './child.js'
import { openPostgres } from './database.js'
import { describeMachine } from './machine.js'
import { type PreparedService, prepareService, startServer } from './service.js'

/**
 * The console with a long list, in a real browser against the built server: frames while it is scrolled and filtered, and how soon a change elsewhere is seen.
 * Frames are the time from one to the next, which a busy machine makes longer; beside them stands the processor time of the longest task of the page, which it does not.
 */
const [entries = 10_000, changes = 20] = process.argv.slice(2).map(Number)
/** Debian's, as in the tests. */
const executablePath = '/usr/bin/chromium'
const say = (line: string) => void process.stdout.write(`${line}\n`)

/** Runs in the page: remembers the longest frame, and what went into it, until it is asked. */
const watchFrames = `
  window.frames_ = { longest: 0, count: 0, over: 0, last: performance.now() };
  (function next() { requestAnimationFrame((now) => {
    const took = now - window.frames_.last;
    Object.assign(window.frames_, { last: now, count: window.frames_.count + 1, longest: Math.max(window.frames_.longest, took), over: window.frames_.over + (took > 100 ? 1 : 0) });
    next();
  }) })()`

/** Runs in the page: from where it is to the end, a screen and a half with each frame, over and over while more is loaded. */
const scrollToEnd = `new Promise((resolve) => {
  const list = document.querySelector('[role=region][aria-label="MCP servers"]');
  const isWhole = () => !document.querySelector('main [role=status]').textContent.includes('+');
  const step = () => {
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 2;
    if (isAtEnd && isWhole()) return resolve(list.scrollHeight);
    list.scrollTop += 1000;
    requestAnimationFrame(step);
  };
  list.scrollTop = 0;
  requestAnimationFrame(step);
})`

interface TraceEvent {
  name: string
  pid: number
  tid: number
  /** Processor time of the thread, in microseconds. */
  tdur?: number
  args?: { name?: string }
}

/** The longest task of the pages' own threads, in milliseconds of processor time. */
function longestTask(trace: Buffer): number {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] }
  const keyOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
  const ofPages = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(keyOf))
  const times = traceEvents.filter((event) => event.tdur !== undefined && ofPages.has(keyOf(event))).map(({ tdur }) => tdur!)
  return times.reduce((most, time) => Math.max(most, time), 0) / 1_000
}

async function framesOf(browser: Browser, page: Page, what: string, during: () => Promise<unknown>): Promise<void> {
  await browser.startTracing(page, { categories: ['toplevel'] })
  await page.evaluate('Object.assign(window.frames_, { longest: 0, count: 0, over: 0, last: performance.now() })')
  await during()
  const { longest, count, over } = await page.evaluate<{ longest: number; count: number; over: number }>('window.frames_')
  const task = longestTask(await browser.stopTracing())
  say(`${what}: longest of ${count} frames ${Math.round(longest)} ms, ${over} over 100 ms; longest task ${Math.round(task)} ms of processor time`)
}

async function filter(page: Page): Promise<void> {
  const search = page.getByRole('searchbox')
  await search.pressSequentially('server-0777', { delay: 40 })
  await page.getByText(/^10 MCP servers$/).waitFor()
  await search.press('ControlOrMeta+a')
  await search.press('Delete')
  await page.getByText(/^100\+ MCP servers$/).waitFor()
}

/** Between two changes: enough for the page to have shown one, and not for it to have read ten thousand rows again. */
const restMs = 500

interface Changer {
  /** Gives one of the entries another description, and resolves with its answer. */
  change: (at: number, description: string) => Promise<unknown>
}

function changer(service: PreparedService, url: string): Changer {
  const client = createCatalogClient({ url, token: service.adminToken })
  return {
    change: async (at, description) => {
      const entry = service.entries[at]!
      await client.execute(UpdateMcpServerDocument, { input: { id: entry.id, expectedRevision: entry.revision++, definition: { description, transport: { http: { url: entry.url } } } } })
    },
  }
}

/** Milliseconds until a description is seen. The list stands at its beginning, where the first entry is. */
async function untilSeen(page: Page, description: string): Promise<number> {
  const answered = performance.now()
  await page.getByText(description, { exact: true }).waitFor()
  return performance.now() - answered
}

function sayTimes(what: string, took: number[]): void {
  took.sort((a, b) => a - b)
  say(`${what}: p50 ${Math.round(took[Math.floor(took.length / 2)]!)} ms, most ${Math.round(took.at(-1)!)} ms, of ${took.length}`)
}

async function changesOf(page: Page, { change }: Changer, what: string): Promise<void> {
  const took: number[] = []
  for (let number = 1; number <= changes; number++) {
    await delay(restMs)
    await change(0, `${what} ${number}`)
    took.push(await untilSeen(page, `${what} ${number}`))
  }
  sayTimes(`${what}, from its answer to its row`, took)
}

const burstSize = 50

/** One change after the other, all over the list; the last is of a row that is seen. */
async function burstsOf(page: Page, { change }: Changer, what: string): Promise<void> {
  const took: number[] = []
  for (let number = 1; number <= Math.ceil(changes / 4); number++) {
    await delay(restMs)
    for (let at = 1; at < burstSize; at++) await change(at * Math.floor(entries / burstSize), `${what} ${number}`)
    await change(0, `the last of ${what} ${number}`)
    took.push(await untilSeen(page, `the last of ${what} ${number}`))
  }
  sayTimes(`${what}, from the answer of the last to its row`, took)
}

async function measure(service: PreparedService, url: string): Promise<void> {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    await page.goto(new URL('/integrations/deployment', url).href)
    await page.getByLabel('Access token').fill(service.adminToken)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText(/^100\+ MCP servers$/).waitFor()
    await page.evaluate(watchFrames)
    const elsewhere = changer(service, url)
    await changesOf(page, elsewhere, 'a change elsewhere, first page loaded')
    await framesOf(browser, page, 'scrolling while it loads', () => page.evaluate(scrollToEnd))
    await page.getByText(new RegExp(`^${entries} MCP servers$`)).waitFor()
    await framesOf(browser, page, `scrolling all ${entries}`, () => page.evaluate(scrollToEnd))
    await page.evaluate('document.querySelector(\'[role=region][aria-label="MCP servers"]\').scrollTop = 0')
    await changesOf(page, elsewhere, `a change elsewhere, all ${entries} loaded`)
    await framesOf(browser, page, 'meanwhile', () => burstsOf(page, elsewhere, `${burstSize} changes in a row, all ${entries} loaded`))
    await framesOf(browser, page, 'filtering and back', () => filter(page))
  } finally {
    await browser.close()
  }
}

if (!existsSync(executablePath)) throw new Error(`The browser is not there: ${executablePath}. Debian's package chromium brings it.`)
say(describeMachine())
const postgres = await openPostgres(null)
try {
  const service = await prepareService(postgres, 0, entries)
  const server = await startServer(service.template.url, service.dataDir)
  try {
    await measure(service, server.url)
  } finally {
    await server.stop()
  }
} finally {
  await postgres.close()
  killChildren()
}
