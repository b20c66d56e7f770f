import { can } from '../../src/core/access.js'
import { canonicalJson } from '../../src/core/canonical.js'
import { formatCursor, parseCursor, type LoggedChange } from '../../src/core/change.js'
import { type JudgedEntry } from '../../src/core/entry.js'
import { type OwnerRef, ownerKey } from '../../src/core/owner.js'
import { type CatalogIndex, createCatalogIndex, type OwnerQuery } from '../../src/index/catalog-index.js'
import { buildState, type CatalogState, type LoadedCatalog } from '../../src/index/state.js'
import { apply, differences, type Held, nothing } from './held.js'
import { type Ending, type Follower, type Heard } from './follower.js'
import { type Model } from './model.js'

/** What one follower was told and has not been judged yet, and what it holds after what was. */
interface Record {
  waiting: Heard[]
  held: Held
  cursor: string | null
  endings: Ending[]
}

/** A stretch of the log with one incarnation: from the start of the run, or from a restore, on. */
interface Era {
  number: number
  index: CatalogIndex
}

/** Where, by era and sequence, somebody last lacked a right. */
interface Place {
  era: number
  sequence: number
}

/**
 * Who could see what at each place of the log, rebuilt with the pure functions from the complete log, and held against
 * every event that any follower was ever sent: after each one it must hold exactly the set of that moment (F2, F3).
 */
export interface Oracle {
  readonly index: () => CatalogIndex
  /** Takes over what the followers heard since. */
  listen: (followers: readonly Follower[]) => void
  /** Reads on; judges events up to the new place, and the answers of the writers. */
  advance: (changes: readonly LoggedChange[]) => string[]
  /** A restored database: the log goes on from what it held. */
  rebase: (loaded: LoadedCatalog) => void
  mayRead: (tokenId: string, owner: OwnerQuery) => boolean
  /** How the follower differs from the set that it should have now. */
  difference: (follower: Follower) => string[]
  /** Events beyond the log's end, and denials of what was never forbidden; asked when all is quiet. */
  leftovers: () => string[]
  setOf: (owner: OwnerQuery) => Map<string, JudgedEntry>
  /** What the followers heard so far is not judged; they count as right. */
  skip: (followers: readonly Follower[]) => void
  /** How the tables differ from what the log says. */
  tables: (loaded: LoadedCatalog) => string[]
}

export function createOracle(loaded: LoadedCatalog, model: Model): Oracle {
  let era: Era = { number: 1, index: createCatalogIndex(loaded, [], 1) }
  const records = new Map<Follower, Record>()
  const lastLacking = new Map<string, Place>()
  /** Where the last quiet moment was: a denial since then must have had a reason since then. */
  let quiet: Place = { era: 1, sequence: loaded.sequence }
  const now = new Date()

  const ownerOf = (owner: OwnerQuery): OwnerRef => era.index.resolveOwner(owner, null) ?? { kind: owner.kind, id: owner.id ?? '' }
  const mayRead = (tokenId: string, owner: OwnerQuery) => {
    const principal = era.index.principalNow({ kind: 'TOKEN', tokenId }, now)
    return principal !== null && can(principal, 'READ_SET', ownerOf(owner))
  }
  const setOf = (owner: OwnerQuery) => era.index.effective(era.index.scopeOf(ownerOf(owner)))
  const pairKey = (lacks: 'TOKEN' | 'RIGHT', tokenId: string, owner: OwnerQuery) => `${lacks} ${tokenId} ${ownerKey(ownerOf(owner))}`

  function noteRights(): void {
    for (const [{ owner, tokenId: used }, { endings }] of records) {
      for (const tokenId of new Set([used(), ...endings.map((ending) => ending.tokenId)])) {
        const lacks = era.index.principalNow({ kind: 'TOKEN', tokenId }, now) === null ? 'TOKEN' : mayRead(tokenId, owner) ? null : 'RIGHT'
        if (lacks !== null) lastLacking.set(pairKey(lacks, tokenId, owner), { era: era.number, sequence: era.index.state.sequence })
      }
    }
  }

  function judge({ name, owner }: Follower, record: Record, { event, tokenId, node, after, isFirst }: Heard): string[] {
    const { cursor } = event
    const problems: string[] = []
    const isOther = record.cursor !== null && record.cursor.slice(0, 8) !== cursor.slice(0, 8)
    if (!mayRead(tokenId, owner)) problems.push(`F2 it had no right to the owner then`)
    if (event.__typename !== 'CatalogSnapshot' && isOther) problems.push(`a ${event.__typename} on top of ${record.cursor}, which is of another incarnation`)
    if (event.__typename !== 'CatalogSnapshot' && isFirst && after === null) problems.push(`a ${event.__typename} is its first event, and it gave no cursor`)
    if (!isOther && record.cursor !== null && cursor < record.cursor) problems.push(`the cursor went back from ${record.cursor}`)
    if (isFirst && after === null) record.held = nothing()
    problems.push(...apply(record.held, event).map((stranger) => `F2 the removal of ${stranger}, which it never saw`))
    record.cursor = cursor
    const wanted = setOf(owner)
    problems.push(...differences(record.held.entries, wanted).map((line) => `F2 F3 ${line}`))
    if (record.held.policyRevision !== era.index.state.policy.revision) problems.push(`the policy is at ${era.index.state.policy.revision}, it knows ${record.held.policyRevision}`)
    // One wrong event makes all that follow look wrong; the next ones are judged as if it had been right.
    record.held = {
      entries: new Map([...wanted].map(([key, { id, revision, digest }]) => [key, { id, revision, digest }])),
      policyRevision: era.index.state.policy.revision,
    }
    return problems.map((problem) => `${name} heard from ${node} at ${cursor} (${event.__typename}): ${problem}`)
  }

  /** Everything that the followers heard at this place. */
  function judgeHere(): string[] {
    const here = formatCursor(era.index.state)
    return [...records].flatMap(([follower, record]) => {
      const problems: string[] = []
      while (record.waiting[0] !== undefined && record.waiting[0].event.cursor.slice(0, 8) === here.slice(0, 8) && record.waiting[0].event.cursor <= here) {
        problems.push(...judge(follower, record, record.waiting.shift()!))
      }
      return problems
    })
  }

  return {
    index: () => era.index,
    mayRead, setOf,
    listen: (followers) => {
      for (const follower of followers) {
        const record = records.get(follower) ?? { waiting: [], held: nothing(), cursor: null, endings: [] }
        records.set(follower, record)
        record.waiting.push(...follower.takeHeard())
        record.endings.push(...follower.takeEndings())
      }
    },
    advance: (changes) => {
      noteRights()
      const problems = judgeHere()
      for (const change of changes) {
        if (change.sequence !== era.index.state.sequence + 1) {
          return [...problems, `F1 the log goes on with ${change.sequence} after ${era.index.state.sequence}`]
        }
        era.index.apply([change])
        problems.push(...model.judge(formatCursor(era.index.state), change))
        if (change.subject !== 'ENTRY') noteRights()
        problems.push(...judgeHere())
      }
      return problems
    },
    rebase: (loaded) => {
      era = { number: era.number + 1, index: createCatalogIndex(loaded, [], 1) }
      model.rebase(loaded.entries.map(({ id, definition }) => [id, definition.description]))
    },
    difference: (follower) => {
      const { owner } = follower
      return differences(follower.held().entries, setOf(owner))
    },
    leftovers: () => {
      const problems = [...records].flatMap(([{ name, owner }, record]) => {
        const beyond = record.waiting.slice(0, 1).map(({ event: { cursor }, node }) => `${name} heard ${cursor} from ${node}, and the log ends at ${formatCursor(era.index.state)}`)
        const wrong = record.endings.filter(({ lacks, tokenId, cursor }) => !isAfter(lastLacking.get(pairKey(lacks, tokenId, owner)), placeOf(cursor) ?? quiet))
        record.waiting = []
        record.endings = []
        return [...beyond, ...wrong.map(({ code, lacks, node, cursor }) => `${name} was told ${code} by ${node} while it stood at ${cursor}, and never lacked the ${lacks} since`)]
      })
      quiet = { era: era.number, sequence: era.index.state.sequence }
      return problems
    },
    skip: (followers) => {
      for (const follower of followers) records.set(follower, { waiting: [], held: structuredClone(follower.held()), cursor: follower.cursor(), endings: [] })
    },
    tables: (loaded) => tableProblems(loaded, era.index.state),
  }

  /** Of an earlier era: then the restore itself may be the reason. */
  function placeOf(cursor: string | null): Place | null {
    const parsed = cursor === null ? null : parseCursor(cursor)
    if (parsed === null) return null
    return parsed.incarnation === era.index.state.incarnation ? { era: era.number, sequence: parsed.sequence } : { era: era.number - 1, sequence: parsed.sequence }
  }
}

function isAfter(place: Place | undefined, other: Place): boolean {
  if (place === undefined) return false
  return place.era > other.era || (place.era === other.era && place.sequence >= other.sequence)
}

function tableProblems(loaded: LoadedCatalog, state: CatalogState): string[] {
  const problems: string[] = []
  const compare = <Item>(what: string, rows: Iterable<Item>, logged: Iterable<Item>, key: (item: Item) => string) => {
    const byKey = new Map([...logged].map((item) => [key(item), canonicalJson(item)]))
    for (const row of rows) {
      if (byKey.get(key(row)) !== canonicalJson(row)) problems.push(`F1 the tables and the log differ on ${what} ${key(row)}`)
      byKey.delete(key(row))
    }
    for (const missing of byKey.keys()) problems.push(`F1 ${what} ${missing} is in the log and not in the tables`)
  }
  if (loaded.sequence !== state.sequence) return [`F1 the head is at ${loaded.sequence}, the log at ${state.sequence}`]
  // Judged anew: what the log led to step by step must be what a start would find.
  compare('entry', buildState(loaded).entries.values(), state.entries.values(), ({ id }) => id)
  compare('user', loaded.users, state.users.values(), ({ id }) => id)
  compare('team', loaded.teams, state.teams.values(), ({ id }) => id)
  compare('policy', loaded.policies, state.policies.values(), ({ owner }) => ownerKey(owner))
  compare('token', loaded.tokens, [...state.tokens.values()].filter(({ revokedAt }) => revokedAt === null), ({ id }) => id)
  compare('membership', loaded.memberships, [...state.membersOf.values()].flatMap((members) => [...members.values()]), ({ teamId, userId }) => `${teamId}/${userId}`)
  return problems
}
