import { type ChildProcess } from 'node:child_process'
import { RevokeEntryDocument } from '../src/client/index.js'
import { nextMessage, startProgram, stopChild } from './child.js'
import { type BenchPostgres } from './database.js'
import { registerServer, startLiveCatalog } from './live-catalog.js'
import { nowMs } from './machine.js'
import { type Profile } from './measures.js'
import { type CallsResult, type FromCallers, type ToCallers } from './plan.js'
import { summarize, type Summary } from './stats.js'

export interface RefusedResult {
  kind: 'REFUSED'
  sessions: number
  callMs: number
  /** From the request for `revokeEntry` written until the last and the first session was refused, and until it was answered. Milliseconds. */
  last: Summary
  first: Summary
  answer: Summary
  /** Of all sessions together, before the revocation. */
  callsPerSecond: number
  /** Calls that failed without being refused, and those that got through after their session had been refused. */
  failed: number
  throughAfterwards: number
  examples: string[]
}

export interface RefusedOptions {
  postgres: BenchPostgres
  sessions: number
  /** What a call takes at the server. */
  callMs: number
  /** Revocations before anything is measured, and those that are. */
  warmUp: number
  revocations: number
  profile: (inspectorUrl: string | null) => ReturnType<Profile>
  isInspected: boolean
}

function ask<Kind extends FromCallers['kind']>(child: ChildProcess, kind: Kind, message: ToCallers | null = null): Promise<Extract<FromCallers, { kind: Kind }>> {
  const answer = nextMessage(child, (heard: FromCallers) => heard.kind === kind ? heard as Extract<FromCallers, { kind: Kind }> : undefined)
  if (message !== null) child.send(message)
  return answer
}

/** One worker whose sessions all call one server, which is revoked; and so with the next server. */
export async function measureRefused({ postgres, sessions, callMs, warmUp, revocations, profile, isInspected }: RefusedOptions): Promise<RefusedResult> {
  const catalog = await startLiveCatalog({ postgres, places: warmUp + revocations, isInspected })
  const callers = startProgram('./callers.ts')
  const { client, url, workerToken: token, owner } = catalog
  const rounds: Array<CallsResult & { sentAt: number; answeredAt: number }> = []
  let endProfile = async () => {}
  try {
    await ask(callers, 'OPENED', { kind: 'OPEN', url, token, owner, sessions, callMs })
    for (const [at, place] of catalog.mcpServerUrls.entries()) {
      const name = `tickets-${at}`
      const { id, cursor } = await registerServer(catalog, name, place)
      if (at === warmUp) endProfile = await profile(catalog.inspectorUrl)
      const refused = ask(callers, 'REFUSED')
      await ask(callers, 'CALLING', { kind: 'CALL', toolName: `${name}-lookup`, cursor })
      const sentAt = nowMs()
      await client.execute(RevokeEntryDocument, { input: { id, reason: 'The bench measures it.' } })
      const answeredAt = nowMs()
      rounds.push({ ...(await refused).result, sentAt, answeredAt })
    }
    await endProfile()
    await ask(callers, 'CLOSED', { kind: 'CLOSE' })
  } finally {
    await stopChild(callers)
    await catalog.stop()
  }
  return { kind: 'REFUSED', sessions, callMs, ...summed(rounds.slice(warmUp)), ...faultsOf(rounds) }
}

function summed(rounds: Array<CallsResult & { sentAt: number; answeredAt: number }>) {
  const since = (pick: 'lastAt' | 'firstAt' | 'answeredAt') => summarize(rounds.map((round) => round[pick] - round.sentAt))
  return {
    last: since('lastAt'), first: since('firstAt'), answer: since('answeredAt'),
    callsPerSecond: summarize(rounds.map(({ callsPerSecond }) => callsPerSecond)).p50 ?? 0,
  }
}

function faultsOf(rounds: CallsResult[]) {
  const sum = (pick: 'failed' | 'throughAfterwards') => rounds.reduce((total, round) => total + round[pick], 0)
  return { failed: sum('failed'), throughAfterwards: sum('throughAfterwards'), examples: rounds.flatMap(({ examples }) => examples).slice(0, 3) }
}
