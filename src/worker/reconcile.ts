import { type RevocationMode } from '../core/entry.js'
import { placeOfValues } from '../core/secret.js'
import { type Grant } from './grants.js'
import { momentOf, type Situation, waitText } from './moment.js'
import { type Removal, removalKey, secretVersionOf, type ViewEntry } from './view.js'

/** More servers than this are more tools than any model can tell apart. */
export const maxMcpServersPerSession = 50

/** Seconds that calls in flight may go on after a DRAIN without a deadline of its own. */
export const defaultDrainSeconds = 30

/** What a session holds under one name, as far as decisions need it: what it aims at, not how far it came. */
export interface LoadedEntry {
  entryId: string
  revision: number
  digest: string
  /** Of what its references stand for, as it was last acted on; null: it has none. */
  secretVersion: number | null
  /** DEFER: nothing of it runs or starts, it only waits for its moment. */
  outcome: 'RUN' | 'REFUSE' | 'FAIL' | 'DEFER'
  /** Why it does not run, or what is to be said of it though it does. */
  reason: string | null
  /** Of the revision that serves calls, which may be an earlier one; null: nothing does. */
  runningDigest: string | null
  /** Where that one's values go, as `placeOfValues` has it; null: it has none, or nothing serves. */
  runningPlace: string | null
  /** The revision that waits for its moment, and what was said of it. */
  deferred: { revision: number | null; reason: string } | null
}

interface Placed {
  key: string
  entryId: string
  revision: number
  /** Place of the view that this was decided on. Of two actions on one entry the one with the older place loses. */
  position: number
}

export type Action =
  /** Nothing of it may remain: calls end as `mode` says, and no earlier revision goes on. */
  | (Placed & { type: 'UNLOAD'; mode: RevocationMode; deadlineSeconds: number; reason: string })
  /** It does not run, and this is why. With `keepsLastGood`, what runs of an earlier revision goes on. */
  | (Placed & { type: 'REFUSE'; entry: ViewEntry; state: 'REFUSED' | 'FAILED'; reason: string; keepsLastGood: boolean })
  /** Only what is told of it changed: nothing restarts. */
  | (Placed & { type: 'RELABEL'; entry: ViewEntry; note: string | null })
  /** Its moment has not come: what runs or starts of it goes on. `reason` follows "Revision 2 …". */
  | (Placed & { type: 'DEFER'; entry: ViewEntry; reason: string })
  /**
   * What its references stand for has changed: that never waits, and what runs is not interrupted, unless it `isMoved`: what it has goes to a place that the
   * entry does not have any more.
   */
  | (Placed & { type: 'ROTATE'; secretVersion: number | null; isMoved: boolean })
  | (Placed & { type: 'LOAD'; entry: ViewEntry; note: string | null })
  /** The new one starts first; the one that runs ends once the new one stands in its place. */
  | (Placed & { type: 'REPLACE'; entry: ViewEntry; note: string | null })

export interface ReconcileInput {
  grants: readonly Grant[]
  loaded: ReadonlyMap<string, LoadedEntry>
  /** How what is gone left the set, by `removalKey`. */
  removals: ReadonlyMap<string, Removal>
  /** Place of the view that the grants were taken from. */
  position: number
  /** Servers of the catalog that fit beside the static ones. */
  maxMcpServers: number
  /** `nameKey`s in the view, to tell what is gone from what this session is just not given. */
  viewKeys: ReadonlySet<string>
  /** Decides, with each entry's `apply`, whether what is new or changed may start now. */
  situation: Situation
}

/**
 * What must change so that a session has what it is granted: removals first, then what is only told, then starts; each
 * part ordered by key. What is as it should be is not named at all.
 */
export function reconcile(input: ReconcileInput): Action[] {
  const { loaded } = input
  const granted = new Map(withinLimit(input).map((grant) => [grant.key, grant]))
  const isMovedNow = (held: LoadedEntry, entry: ViewEntry) => hasMoved(held, entry) && momentOf(entry.apply, input.situation) === 'AT_ONCE'
  const isKept = (key: string, held: LoadedEntry) => {
    const grant = granted.get(key)
    return grant?.entry.id === held.entryId && !isMovedNow(held, grant.entry) && !((held.outcome === 'RUN' || held.runningDigest !== null) && grant.fate.outcome === 'REFUSE')
  }
  const gone = [...loaded].filter(([key, entry]) => !isKept(key, entry)).sort(([a], [b]) => (a < b ? -1 : 1))
  const unloads = gone.map(([key, entry]) => unload(key, entry, granted.get(key), input))
  const goneKeys = new Set(gone.map(([key]) => key))
  const rest = [...granted.values()].flatMap((grant) => actionOn(grant, goneKeys.has(grant.key) ? undefined : loaded.get(grant.key), input))
  const isStart = (action: Action) => action.type === 'LOAD' || action.type === 'REPLACE'
  return [...unloads, ...rest.filter((action) => !isStart(action)), ...rest.filter(isStart)]
}

/** Those that run already come first: a newcomer with a smaller name never pushes one out. */
function withinLimit({ grants, loaded, maxMcpServers, situation }: ReconcileInput): Grant[] {
  const isRunning = ({ key, entry }: Grant) => {
    const held = loaded.get(key)
    return held?.entryId === entry.id && (held.outcome === 'RUN' || held.outcome === 'FAIL')
  }
  // What this session will never start takes no place in it.
  const isForLater = (grant: Grant) => grant.fate.outcome === 'RUN' && momentOf(grant.entry.apply, situation) === 'NEXT_SESSION' && !isRunning(grant)
  const wants = (grant: Grant) => grant.entry.kind === 'MCP_SERVER' && !grant.replacesStatic && grant.fate.outcome !== 'REFUSE' && !isForLater(grant)
  const servers = grants.filter(wants)
  const chosen = new Set([...servers.filter(isRunning), ...servers.filter((grant) => !isRunning(grant))].slice(0, maxMcpServers))
  return grants.map((grant) => (!wants(grant) || chosen.has(grant) ? grant : { ...grant, fate: overLimit, note: null }))
}

const overLimit: Grant['fate'] = {
  outcome: 'REFUSE', reason: `A session has at most ${maxMcpServersPerSession} MCP servers; bind an agent that names the ones it needs.`,
}

function unload(key: string, held: LoadedEntry, grant: Grant | undefined, input: ReconcileInput): Action {
  const { entryId, revision } = held
  const removal = input.removals.get(removalKey(key, entryId))
  const isRefused = grant?.entry.id === entryId && grant.fate.outcome === 'REFUSE'
  const isMoved = grant?.entry.id === entryId && hasMoved(held, grant.entry)
  // Not in the set, and nobody told how it left: the stricter way. Still in the set but not given: it may finish.
  const mode = removal?.mode ?? (isRefused || isMoved || !input.viewKeys.has(key) ? 'IMMEDIATE' : 'DRAIN')
  const reason = isRefused && grant.fate.outcome === 'REFUSE' ? grant.fate.reason : removal?.reason ?? (isMoved ? 'MOVED' : 'NOT_GRANTED')
  return {
    type: 'UNLOAD', key, entryId, revision, position: removal?.position ?? input.position, mode,
    deadlineSeconds: mode === 'DRAIN' ? removal?.deadlineSeconds ?? defaultDrainSeconds : 0, reason,
  }
}

/** What runs has values for a place that counts no more, whether or not what comes after it starts (S24). */
function hasMoved({ runningPlace }: LoadedEntry, entry: ViewEntry): boolean {
  return runningPlace !== null && entry.kind === 'MCP_SERVER' && placeOfValues(entry.definition) !== runningPlace
}

function actionOn(
  { key, entry, fate, note }: Grant, held: LoadedEntry | undefined, { position, situation }: Pick<ReconcileInput, 'position' | 'situation'>,
): Action[] {
  const placed = { key, entryId: entry.id, revision: entry.revision, position, entry }
  const isSame = held?.outcome === fate.outcome && held.revision === entry.revision && held.deferred === null
  if (fate.outcome !== 'RUN') {
    const state = fate.outcome === 'REFUSE' ? 'REFUSED' : 'FAILED'
    if (isSame && held.reason === fate.reason) return []
    return [{ ...placed, type: 'REFUSE', state, reason: fate.reason, keepsLastGood: fate.outcome === 'FAIL' }]
  }
  // Over revisions the version may come to be the same again although what was confirmed is not (S24).
  const secretVersion = secretVersionOf(entry)
  const isMoved = held !== undefined && hasMoved(held, entry)
  const isRotated = held !== undefined && (secretVersion !== null || held.secretVersion !== null || isMoved) && (held.secretVersion !== secretVersion || (held.deferred ?? held).revision !== entry.revision)
  const rotation: Action[] = isRotated ? [{ key, entryId: entry.id, revision: entry.revision, position, type: 'ROTATE', secretVersion, isMoved }] : []
  // Also when it is so again, and something else was to come in its place meanwhile.
  if ((held?.outcome === 'RUN' && held.digest === entry.digest) || held?.runningDigest === entry.digest) {
    return [...(isSame && held.digest === entry.digest && held.reason === note ? [] : [{ ...placed, type: 'RELABEL' as const, note }]), ...rotation]
  }
  const moment = momentOf(entry.apply, situation)
  if (moment !== 'AT_ONCE') {
    const reason = waitText[moment]
    const isTold = held?.deferred?.revision === entry.revision && held.deferred.reason === reason
    return [...(isTold ? [] : [{ ...placed, type: 'DEFER' as const, reason }]), ...rotation]
  }
  // With FAIL, an earlier revision may still run.
  return [{ ...placed, type: held?.outcome === 'RUN' || held?.outcome === 'FAIL' ? 'REPLACE' : 'LOAD', note }]
}
