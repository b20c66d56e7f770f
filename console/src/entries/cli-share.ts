import { type NamedOwner } from '../data/viewer.js'
import { type Visibility } from '../generated/graphql.js'
import { cliOf, cliOwner } from './cli-args.js'

/** `pilothouse share …` with these terms; null: it is shared with nobody who is named yet, so there is nothing to say. */
export function cliShare(
  entry: Parameters<typeof cliOf>[1], { visibility, audience }: { visibility: Visibility; audience: readonly NamedOwner[] }, viewerId: string,
): string | null {
  if (visibility === 'SHARED' && audience.length === 0) return null
  const terms = { PRIVATE: ['--private'], SHARED: audience.map((owner) => cliOwner(owner, viewerId)), PUBLIC: ['--public'] }[visibility]
  return cliOf('share', entry, viewerId, ...terms)
}
