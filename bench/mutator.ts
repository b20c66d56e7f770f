import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { nowMs } from './machine.js'
import { type Answer, type BenchEntry, type ClientsResult, type FromMutator, type MutationPlan, type ToMutator } from './plan.js'
import { summarize } from './stats.js'
import { markerText } from './tally.js'

/**
 * Sends mutations, in a process of its own: a generator that is busy reading must not delay what it measures. Each
 * change carries the marker of its number. Entries take turns, so that no two mutations under way meet on one.
 */
const agent = new Agent({ keepAlive: true, maxSockets: 1_024, noDelay: true })
const patienceMs = 180_000

function createMutator(plan: MutationPlan) {
  const { hostname: host, port, pathname: path } = new URL(plan.url)
  const free = plan.entries.map((entry) => ({ ...entry }))
  const waiting: Array<(entry: BenchEntry) => void> = []
  const document = JSON.stringify(plan.query)
  const headers = { 'content-type': 'application/json', accept: 'application/json', ...(plan.token !== null && { authorization: `Bearer ${plan.token}` }) }

  const take = (): BenchEntry | Promise<BenchEntry> => free.shift() ?? new Promise((resolve) => waiting.push(resolve))
  function giveBack(entry: BenchEntry): void {
    const next = waiting.shift()
    if (next === undefined) free.push(entry)
    else next(entry)
  }

  function bodyOf(text: string, entry: BenchEntry | null): string {
    const variables = entry === null ? { text } : {
      input: { id: entry.id, expectedRevision: entry.revision, definition: { description: text, transport: { http: { url: entry.url } } } },
    }
    return `{"query":${document},"variables":${JSON.stringify(variables)}}`
  }

  function post(body: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const sent = request({ host, port, path, method: 'POST', agent, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => { text += piece })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text })).on('error', reject)
      })
      sent.setTimeout(patienceMs, () => sent.destroy(new Error('no answer in time'))).on('error', reject).end(body)
    })
  }

  return async (number: number): Promise<Answer> => {
    const entry = plan.entries.length === 0 ? null : await take()
    const body = bodyOf(markerText(number, plan.padding), entry)
    const sentAt = nowMs()
    const answer = (cursor: string | null, problem: string | null): Answer => ({ kind: 'ANSWER', number, sentAt, answeredAt: nowMs(), cursor, problem })
    try {
      const { status, text } = await post(body)
      const cursor = /"(?:cursor|publish)":"([^"]+)"/.exec(text)?.[1] ?? null
      if (status !== 200 || cursor === null || text.includes('"errors":')) return answer(null, `${status} ${text.slice(0, 300)}`)
      if (entry !== null) entry.revision++
      return answer(cursor, null)
    } catch (error) {
      return answer(null, (error as Error).message)
    } finally {
      if (entry !== null) giveBack(entry)
    }
  }
}

type Mutate = ReturnType<typeof createMutator>
const tell = (message: FromMutator) => void process.send?.(message)

/** Open loop: evenly spaced, whatever the answers do. */
async function sendSteadily(mutate: Mutate, first: number, count: number, perSecond: number): Promise<void> {
  const start = nowMs()
  const answers: Array<Promise<void>> = []
  for (let at = 0; at < count; at++) {
    const due = start + (at * 1_000) / perSecond
    while (nowMs() < due) await delay(Math.max(0, due - nowMs() - 0.5))
    answers.push(mutate(first + at).then(tell))
  }
  await Promise.all(answers)
}

/** Closed loop: each client sends its next mutation when the one before is answered. */
async function runClients(mutate: Mutate, clients: number, milliseconds: number): Promise<ClientsResult> {
  const cursors = new Set<string>()
  const latencies: number[] = []
  const examples: string[] = []
  let failed = 0
  let areCursorsOrdered = true
  let number = 0
  const start = nowMs()
  const client = async () => {
    let last = ''
    while (nowMs() - start < milliseconds && failed < 100) {
      const { cursor, problem, sentAt, answeredAt } = await mutate(++number)
      if (cursor === null) {
        failed++
        if (examples.length < 3) examples.push(problem ?? '')
        continue
      }
      latencies.push(answeredAt - sentAt)
      cursors.add(cursor)
      areCursorsOrdered &&= cursor.length > last.length || (cursor.length === last.length && cursor > last)
      last = cursor
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  const seconds = (nowMs() - start) / 1_000
  return {
    clients, answered: latencies.length, perSecond: latencies.length / seconds, latency: summarize(latencies), failed,
    areCursorsDistinct: cursors.size === latencies.length, areCursorsOrdered, examples,
  }
}

let mutate: Mutate | null = null

async function obey(message: ToMutator): Promise<void> {
  if (message.kind === 'PLAN') {
    mutate = createMutator(message.plan)
    return tell({ kind: 'READY' })
  }
  if (mutate === null) throw new Error('the mutator has no plan yet')
  switch (message.kind) {
    case 'ONE': return tell(await mutate(message.number))
    case 'STEADY':
      await sendSteadily(mutate, message.first, message.count, message.perSecond)
      return tell({ kind: 'STEADY_DONE' })
    case 'CLIENTS': return tell({ kind: 'CLIENTS_DONE', result: await runClients(mutate, message.clients, message.milliseconds) })
  }
}

process.on('message', (message) => void obey(message as ToMutator))
process.on('disconnect', () => process.exit(0))
