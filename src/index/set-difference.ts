import { type Difference } from '../core/effective.js'
import { type JudgedEntry } from '../core/entry.js'
import { type TeamPolicy } from '../core/team-policy.js'
import { type EntryToolPins } from '../core/tool-pin.js'
import { type EntrySecretVersion } from './secrets.js'

/** What changed in one owner's set. */
export interface SetDifference extends Difference<JudgedEntry> {
  /** Those that are others now, or of entries that came. */
  secretVersions: EntrySecretVersion[]
  /** Those that are others now, or of entries that came. */
  toolPins: EntryToolPins[]
  /** Those that are others now, or of teams whose entries came. */
  teamPolicies: TeamPolicy[]
}

export function isEmpty({ upserted, removed, secretVersions, toolPins, teamPolicies }: SetDifference): boolean {
  return upserted.length + removed.length + secretVersions.length + toolPins.length + teamPolicies.length === 0
}
