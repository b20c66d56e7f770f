import { type OwnerInput } from '../src/client/index.js'
import { type Spread, type Summary } from './stats.js'

/** How to be a subscriber of a target. Plain data: it travels to the generator's process. */
export interface SubscriberPlan {
  /** `ws://…` */
  url: string
  /** Payloads of `connection_init`, one for each group; the sockets take turns. */
  groups: object[]
  query: string
  variables: Record<string, unknown>
  /** As the clients of the target name their subscriptions: all the same, or each its own, as graphql-ws does. */
  ids: 'FIXED' | 'UUID'
  /** The field of an event that a resume takes up again. */
  cursorField: string
  /** Where to begin; null: at what is new. */
  after: string | null
  /** Whether a subscription is answered at once with a first event. */
  isGreeted: boolean
}

/** An entry of the service that mutations change, at the revision that the bench knows. */
export interface BenchEntry {
  id: string
  url: string
  revision: number
}

/** How to mutate a target. */
export interface MutationPlan {
  url: string
  token: string | null
  query: string
  /** Empty: the mutation takes a text and nothing else. */
  entries: BenchEntry[]
  padding: number
}

export interface TargetPlan {
  subscribers: SubscriberPlan
  mutations: MutationPlan
}

/** What the generator is asked to do with its sockets. Durations in milliseconds. */
export type Task =
  | { kind: 'LATENCY'; warmUp: number; mutations: number }
  | { kind: 'THROUGHPUT'; perSecond: number; mutations: number }
  | { kind: 'STORM'; times: number; missed: number[] }
  | { kind: 'MEMORY'; from: number; settleMs: number }

export interface Assignment {
  plan: TargetPlan
  sockets: number
  serverPid: number
  /** Mutations before any socket is open. */
  warmUp: number
  task: Task
}

/** What went wrong, or could have. Everything but `retries` makes a run fail. */
export interface Faults {
  lost: number
  doubled: number
  /** Operations and sockets that the server refused. */
  refused: number
  /** Sockets that closed while they should not. */
  closed: number
  failedMutations: number
  /** Further attempts to get a socket open; each got there in the end, or is counted above. */
  retries: number
  /** The first few, in words. */
  examples: string[]
}

export interface LatencyResult {
  kind: 'LATENCY'
  /** Mutation sent until the last, the first and a single socket has it; and until the mutation is answered. Milliseconds. */
  all: Summary
  first: Summary
  each: Summary
  answer: Summary
  bytesPerEvent: number
  serverUsPerEvent: number | null
  generatorUsPerEvent: number
}

export interface ThroughputResult {
  kind: 'THROUGHPUT'
  offeredPerSecond: number
  /** Changes that arrived at sockets; `frames` are fewer where several came in one event. */
  deliveredPerSecond: number
  events: number
  frames: number
  all: Summary
  serverUsPerEvent: number | null
  generatorUsPerEvent: number
}

export interface StormResult {
  kind: 'STORM'
  storms: Array<{ missed: number; currentMs: number; bytes: number; snapshots: number; retries: number; serverUsPerSocket: number | null }>
}

export interface MemoryResult {
  kind: 'MEMORY'
  bytesPerSubscription: number | null
  residentBytes: number
}

export type TaskResult = (LatencyResult | ThroughputResult | StormResult | MemoryResult) & { connectMs: number; faults: Faults }

/** Closed loop over HTTP. */
export interface ClientsResult {
  clients: number
  answered: number
  perSecond: number
  latency: Summary
  failed: number
  /** No two answers had one cursor, and no client's cursors went back. */
  areCursorsDistinct: boolean
  areCursorsOrdered: boolean
  examples: string[]
}

export type ToMutator =
  | { kind: 'PLAN'; plan: MutationPlan }
  | { kind: 'ONE'; number: number }
  | { kind: 'STEADY'; first: number; count: number; perSecond: number }
  | { kind: 'CLIENTS'; clients: number; milliseconds: number }

export interface Answer {
  kind: 'ANSWER'
  number: number
  sentAt: number
  answeredAt: number
  /** Where the service says that the change stands, or the number that a baseline answers. */
  cursor: string | null
  problem: string | null
}

export type FromMutator = { kind: 'READY' } | Answer | { kind: 'STEADY_DONE' } | { kind: 'CLIENTS_DONE'; result: ClientsResult }

/** The generator says when the measured part begins and ends, so that it can be profiled, and waits to be told to go on. */
export type FromGenerator = { kind: 'BEGIN' } | { kind: 'END' } | { kind: 'RESULT'; result: TaskResult } | { kind: 'FAILED'; message: string }

/** A child that serves says so. */
export interface Listening {
  kind: 'LISTENING'
  port: number
}

/** A child that is an MCP server says where. */
export interface McpServerPorts {
  kind: 'PORTS'
  ports: number[]
}

/** Microseconds. */
export interface EvaluationResult {
  kind: 'EVALUATION'
  /** Of all sorts of definitions together: judged by the default policy, by a deployment's and a team's with lists, and only parsed. */
  one: Spread
  narrowed: Spread
  parsed: Spread
  /** By the default policy. */
  sorts: Array<{ sort: string; p50: number }>
  /** Verdicts that were others than they should have been. */
  wrong: string[]
}

/** Of the process that judges; see evaluator.ts. */
export interface FromEvaluator {
  kind: 'EVALUATED'
  result: EvaluationResult
}

/** Microseconds. */
export interface SealResult {
  kind: 'SEAL'
  /** Sealed and opened, of values of so many bytes. */
  bySize: Array<{ bytes: number; both: Spread }>
  /** Values that did not come back as they were. */
  wrong: string[]
}

/** Of the process that seals; see sealer.ts. */
export interface FromSealer {
  kind: 'SEALED'
  result: SealResult
}

/** To and from the process of a worker whose sessions call a tool; see refused.ts. */
export type ToCallers =
  | { kind: 'OPEN'; url: string; token: string; owner: OwnerInput; sessions: number; callMs: number }
  /** Begin when every session has everything up to that cursor. */
  | { kind: 'CALL'; toolName: string; cursor: string }
  | { kind: 'CLOSE' }

/** `CALLING`: every session had some calls answered, and goes on. */
export type FromCallers = { kind: 'OPENED' | 'CALLING' | 'CLOSED' } | { kind: 'REFUSED'; result: CallsResult }

/** Of one revocation. */
export interface CallsResult {
  /** When a session was refused for the first time: the first session of all, and the last. */
  firstAt: number
  lastAt: number
  callsPerSecond: number
  failed: number
  throughAfterwards: number
  examples: string[]
}
