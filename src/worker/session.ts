import { CatalogRequestError, type OwnerInput } from '../client/index.js'
import { type CatalogAdapter } from './adapter.js'
import { type Clock } from './clock.js'
import { type Connector } from './connector.js'
import { createCursorWaiters, type CursorWaiters } from './cursor-waiters.js'
import { type StatusRow } from './departures.js'
import { hasReached } from './follower.js'
import { boundAgentOf, grantsOf } from './grants.js'
import { createLaunchGuard } from './launch-guard.js'
import { type KnownValues } from '../core/known-values.js'
import { type Launchers } from './launchers.js'
import { type InventoryDesk } from './inventory-desk.js'
import { type Leaser } from './leaser.js'
import { agentInForce, situationOf } from './moment.js'
import { orAfter } from './or-after.js'
import { type OwnerFeed } from './owner-feed.js'
import { type LaunchOf, performAction } from './perform-action.js'
import { createPinSource } from './pin-source.js'
import { maxMcpServersPerSession, reconcile } from './reconcile.js'
import { type Relay, relayForSession } from './relay.js'
import { rowsWithAgent } from './rows-with-agent.js'
import { createRunner } from './runner.js'
import { createSecretSource } from './secret-source.js'
import { followBoundAgent, scopeOf, startStatic, type StaticSitting } from './session-static.js'
import { type EffectiveEntry } from './slot.js'
import { staticGrants, type StaticLayer } from './static-layer.js'
import { type AppliedEvent, type CatalogView, type Removal, removalKey } from './view.js'

export interface SessionOptions {
  id: string
  owner: OwnerInput
  agent: string | null
  /** Null: the default, SET without an agent and AGENT with one. */
  grants: 'SET' | 'AGENT' | null
  /** The one entry that it is for: nothing else of the set is loaded, and nothing static; what is static goes on protecting its names. */
  onlyEntryId?: string
  adapter: CatalogAdapter
  feed: OwnerFeed
  layer: StaticLayer
  connector: Connector
  leaser: Leaser
  /** Where what servers offer is told. */
  desk: InventoryDesk
  /** Values that the connector's connections use. */
  known: KnownValues
  /** Finds the commands of catalog entries. */
  launchers: Launchers
  relay: Relay
  clock: Clock
  /** What static stdio servers inherit. */
  env: Record<string, string>
  log: (message: string) => void
  /** Told when what `report` answers has changed, bookmarks aside; often, and in the middle of things. */
  onChange: () => void
}

/** What one agent session has of the catalog and of the static layer, kept current until it closes. */
export interface WorkerSession {
  readonly id: string
  /** What it has now, the static entries that it began with first, then in the order in which they came; what is still ending last. */
  readonly effective: EffectiveEntry[]
  /**
   * Resolves when everything up to that cursor (of a mutation's payload) is applied here, is refused, has failed to start
   * or is DEFERRED, which `effective` shows; calls that a DRAIN lets finish are not waited for. The cursor may still be on
   * its way.
   * @throws CatalogRequestError when the session closes, or its owner cannot be followed any more
   */
  settled: (cursor: string) => Promise<void>
  /**
   * Runs `fn` as a turn, at once: until it ends, entries that are new or changed and say NEXT_TURN wait; removals never do. Turns
   * may overlap and nest, and the last one's end counts. What was decided before the turn began may still arrive in it;
   * wait for `settled` where that matters.
   * @returns what `fn` returns; what it throws passes through
   */
  turn: <Result>(fn: () => Result | Promise<Result>) => Promise<Result>
  /** Ends calls in flight, connections and processes; resolves when they are gone. */
  close: () => Promise<void>
}

/** What the catalog is told of a session. */
export interface SessionReport {
  entries: StatusRow[]
  /** Everything up to it has been decided on; null before the first snapshot, and after the worker failed closed. */
  cursor: string | null
}

/** A session as its worker holds it. */
export interface HeldSession extends WorkerSession {
  /**
   * Resolves when what it begins with was loaded, was refused or has failed.
   * @param limitMs waits for no server longer; its adapter is open all the same, and what is late is loaded when it is there
   */
  started: (limitMs?: number) => Promise<void>
  report: () => SessionReport
}

/** A session's memory. */
interface Sitting extends SessionOptions, StaticSitting {
  view: CatalogView | null
  /** Everything up to it has been decided on. */
  heard: string | null
  /** Whether it has what the catalog had at its begin, so that changes may wait for their moment. */
  isWarm: boolean
  runningTurns: number
  waiters: CursorWaiters
  isClosed: boolean
}

/** Opens it with the static servers and whatever the feed holds already; starts are under way when this returns. */
export function createSession(options: SessionOptions): HeldSession {
  const { id, agent, feed, adapter, layer, onChange, known } = options
  // Within this turn: whoever loses the session right away still finds the adapter opened, and closes it.
  const callRefused = (toolName: string) => session.runner.callRefused(toolName)
  const relay = relayForSession(options.relay, callRefused)
  const opened = (async () => adapter.open?.({
    sessionId: id, agent, openRelay: relay.open, turnBegan: () => turnBegan(session), turnEnded: () => turnEnded(session), callRefused,
  }))()
  opened.catch(() => {})
  const { onlyEntryId } = options
  const servers = onlyEntryId === undefined ? staticGrants(layer, agent ?? undefined, options.grants ?? 'AGENT') : new Map<string, never>()
  const session: Sitting = {
    ...options, runner: createRunner({ ...options, opened, isTrusted: feed.isTrusted, log: (message) => options.log(known.redact(message)) }),
    scope: { ...scopeOf(options, new Set(servers.keys())), onlyEntryId }, staticServers: servers,
    view: null, heard: null, isWarm: false, runningTurns: 0, boundAgent: null, waiters: createCursorWaiters(), isClosed: false,
  }
  if (onlyEntryId === undefined) startStatic(session)
  const view = feed.view()
  if (view !== null) change(session, { view, removals: [], endsNow: () => null })
  const unlisten = feed.listen({
    onChange: (applied) => change(session, applied),
    onCursor: (cursor) => hear(session, cursor),
    onFailClosed: (reason, position) => failClosed(session, reason, position),
    onEnd: session.waiters.rejectAll,
  })
  // Once more: an adapter too has a say in them.
  const redacted = <Row extends EffectiveEntry>(row: Row): Row => ({ ...row, reason: row.reason === null ? null : known.redact(row.reason) })
  let closing: Promise<void> | null = null
  const close = async () => {
    session.isClosed = true
    unlisten()
    session.waiters.rejectAll(closedError(id))
    await session.runner.close()
    try {
      await adapter.close?.()
    } finally {
      await relay.close()
      onChange()
    }
  }
  return {
    id,
    get effective() { return rowsWithAgent(session, session.runner.rows()).map(redacted) },
    report: () => ({ entries: rowsWithAgent(session, session.runner.report()).map(redacted), cursor: session.heard }),
    started: async (limitMs) => {
      await opened
      const loaded = session.runner.settled(null)
      await (limitMs === undefined ? loaded : orAfter(options.clock, limitMs, loaded))
      if (session.isClosed) throw closedError(id)
      await adapter.ready?.()
    },
    settled: (cursor) => settled(session, cursor),
    turn: (fn) => turn(session, fn),
    close: () => closing ??= close(),
  }
}

/** Runs within the frame that brought the change: when it returns, the gates of what was removed are closed. */
function change(session: Sitting, { view, removals, endsNow }: AppliedEvent): void {
  session.runner.hasten(endsNow)
  const isOtherPolicy = session.view?.policy !== view.policy || session.view.teamPolicies !== view.teamPolicies || session.view.pins !== view.pins
  decide(session, view, removals)
  if (isOtherPolicy) session.runner.policyChanged()
  hear(session, view.cursor)
  session.onChange()
}

function decide(session: Sitting, view: CatalogView, removals: Removal[]): void {
  const { runner, isWarm, runningTurns } = session
  const situation = situationOf(isWarm, runningTurns)
  session.view = view
  session.boundAgent = agentInForce(session.boundAgent, boundAgentOf(view, session.scope), situation)
  followBoundAgent(session, view.position)
  const actions = reconcile({
    grants: grantsOf(view, session.scope, session.boundAgent), loaded: runner.loaded(),
    removals: new Map(removals.map((removal) => [removalKey(removal.key, removal.id), removal])),
    position: view.position, maxMcpServers: Math.max(0, maxMcpServersPerSession - session.staticServers.size), viewKeys: new Set(view.entries.keys()), situation,
  })
  for (const action of actions) performAction(runner, action, launchOf(session))
  // In a turn, what it begins with waits for the end of that; only what comes after it is a change.
  if (runningTurns === 0) session.isWarm = true
}

function launchOf({ feed: { view }, launchers, leaser, desk, owner, id: sessionId, log, known }: Sitting): LaunchOf {
  return (entry) => ({
    guard: createLaunchGuard(entry, view, launchers), secrets: createSecretSource(entry, { view, leaser, owner, sessionId }),
    pins: createPinSource(entry, { view, desk, owner, log: (message) => log(known.redact(message)) }),
  })
}

function turnBegan(session: Sitting): void {
  session.runningTurns += 1
}

/** What waited for it starts now. */
function turnEnded(session: Sitting): void {
  if (session.runningTurns === 0) return
  session.runningTurns -= 1
  if (session.runningTurns === 0 && session.view !== null && !session.isClosed) decide(session, session.view, [])
}

async function turn<Result>(session: Sitting, fn: () => Result | Promise<Result>): Promise<Result> {
  turnBegan(session)
  try {
    return await fn()
  } finally {
    turnEnded(session)
  }
}

function failClosed(session: Sitting, reason: string, position: number): void {
  // What comes back afterwards comes as to a session that opens: there is nothing left that it could disturb.
  Object.assign(session, { view: null, heard: null, isWarm: false, boundAgent: null })
  session.runner.hasten(() => reason)
  for (const key of session.runner.loaded().keys()) {
    session.runner.stop(key, { mode: 'IMMEDIATE', deadlineSeconds: 0, reason }, position)
  }
  followBoundAgent(session, position)
  session.onChange()
}

function hear(session: Sitting, cursor: string): void {
  session.heard = cursor
  session.waiters.reached(cursor)
}

async function settled(session: Sitting, cursor: string): Promise<void> {
  const ended = session.isClosed ? closedError(session.id) : session.feed.ended()
  if (ended !== null) throw ended
  if (!hasReached(session.heard, cursor)) await session.waiters.wait(cursor)
  await session.runner.settled(session.view?.position ?? 0)
}

function closedError(id: string): CatalogRequestError {
  return new CatalogRequestError(`The session ${id} was closed.`, 'CLOSED')
}
