import { type OwnerRef, ownerKey } from '../core/owner.js'
import { type CatalogIndex } from '../index/catalog-index.js'
import { type CatalogEvent } from './event.js'
import { type Encoded } from './fan-out.js'
import { type Rendering } from './hub.js'
import { type OwnerView, snapshotOf } from './owner-view.js'

/** What first events are made of, kept for whoever asks for the same. */
export interface Answers {
  encode: (rendering: Rendering, event: CatalogEvent) => Encoded
  snapshot: (held: OwnerView, rendering: Rendering) => Encoded
  /** The answer to a cursor; null from `first` means the whole set. */
  resume: (held: OwnerView, rendering: Rendering, after: string, first: () => CatalogEvent | null) => Encoded
  /** The index moved: what was answered to cursors is answered no more. */
  forget: () => void
}

/** A storm of returning workers asks for few things many times. */
const keptResumes = 2_000
const keptSnapshots = 32

export function createAnswers(index: CatalogIndex): Answers {
  const snapshots = new Map<string, Encoded & { incarnation: string }>()
  const resumes = new Map<string, Encoded>()

  const encode: Answers['encode'] = (rendering, event) => (
    { sequence: index.state.sequence, isBookmark: event.__typename === 'CatalogBookmark', json: rendering.render(event) })

  const snapshot: Answers['snapshot'] = (held, rendering) => {
    const key = keyOf(held.owner, rendering)
    const { incarnation, sequence } = index.state
    const kept = snapshots.get(key)
    if (kept?.sequence === sequence && kept.incarnation === incarnation) return kept
    const made = { ...encode(rendering, snapshotOf(index, held)), incarnation }
    keep(snapshots, key, made, keptSnapshots)
    return made
  }

  return {
    encode, snapshot,
    resume: (held, rendering, after, first) => {
      const key = `${after}\n${keyOf(held.owner, rendering)}`
      const kept = resumes.get(key)
      if (kept !== undefined) return kept
      const event = first()
      const made = event === null ? snapshot(held, rendering) : encode(rendering, event)
      keep(resumes, key, made, keptResumes)
      return made
    },
    forget: () => resumes.clear(),
  }
}

const keyOf = (owner: OwnerRef, { key }: Rendering): string => `${ownerKey(owner)}\n${key}`

/** Keeps the newest `limit`. */
export function keep<Value>(kept: Map<string, Value>, key: string, value: Value, limit: number): void {
  kept.delete(key)
  kept.set(key, value)
  if (kept.size > limit) kept.delete(kept.keys().next().value!)
}
