import { type ChildProcess } from 'node:child_process'
import { nextMessage, startProgram, stopChild } from './child.js'
import { type BenchPostgres } from './database.js'
import { type Listening, type TargetPlan } from './plan.js'
import { planOf, type PreparedService, startServer } from './service.js'

/** `A`: the practical limit. `B`: the naive build. `OURS`: the built server. */
export const targetNames = ['A', 'B', 'OURS'] as const
export type TargetName = (typeof targetNames)[number]

export interface RunningTarget {
  plan: TargetPlan
  pid: number
  databaseUrl: string
  /** The table that gets one row for each mutation, in its transaction. */
  auditTable: string
  inspectorUrl: string | null
  /** Stops it and removes its database. */
  stop: () => Promise<void>
}

export interface Targets {
  /** A fresh process on a fresh database. */
  start: (name: TargetName, groups: number) => Promise<RunningTarget>
}

/** With it, an event of A and B is some 630 bytes on the wire. */
export const padding = 370

export async function startListening(child: ChildProcess): Promise<number> {
  const { port } = await nextMessage<Listening>(child, (message: Listening) => message.kind === 'LISTENING' ? message : undefined)
  return port
}

export function createTargets(postgres: BenchPostgres, prepared: PreparedService, isInspected: boolean): Targets {
  return {
    start: async (name, groups) => {
      const database = await postgres.create(name === 'OURS' ? prepared.template : undefined)
      if (name === 'OURS') {
        const server = await startServer(database.url, prepared.dataDir, isInspected)
        const stop = async () => {
          await server.stop()
          await database.drop()
        }
        return {
          plan: planOf(prepared, server.url, groups, padding), pid: server.process.pid!, databaseUrl: database.url, auditTable: 'audit_event',
          inspectorUrl: server.inspectorUrl, stop,
        }
      }
      const child = startProgram(name === 'A' ? './baseline-a.ts' : './baseline-b.ts', [database.url])
      const port = await startListening(child)
      const stop = async () => {
        await stopChild(child)
        await database.drop()
      }
      return { plan: baselinePlan(port), pid: child.pid!, databaseUrl: database.url, auditTable: 'audit', inspectorUrl: null, stop }
    },
  }
}

function baselinePlan(port: number): TargetPlan {
  const path = `//127.0.0.1:${port}/graphql`
  return {
    subscribers: {
      url: `ws:${path}`, groups: [{}], variables: {}, ids: 'FIXED', cursorField: 'rev', after: null, isGreeted: false,
      query: 'subscription ($after: String) { changed(after: $after) { rev kind entry { id namespace name enabled tags owner } text } }',
    },
    mutations: { url: `http:${path}`, token: null, query: 'mutation ($text: String!) { publish(text: $text) }', entries: [], padding },
  }
}
