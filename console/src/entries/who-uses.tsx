import { type NamedOwner } from '../data/viewer.js'
import { type EntryStatus, type Visibility } from '../generated/graphql.js'
import { OutsideText } from '../parts/outside-text.js'

export interface UsedEntry {
  owner: NamedOwner
  visibility: Visibility
  audience: readonly NamedOwner[]
  status: EntryStatus
}

/** In whose sets it can be; whether it is in the viewer's own, the chain tells. */
export function WhoUses({ entry: { owner, visibility, audience, status } }: { entry: UsedEntry }) {
  const own = owner.kind === 'DEPLOYMENT'
    ? 'The deployment’s own sessions'
    : owner.kind === 'TEAM' ? <>The team <OutsideText>{owner.displayName}</OutsideText> and its members</> : <OutsideText>{owner.displayName}</OutsideText>
  return (
    <>
      {visibility === 'PUBLIC' && <p>Everybody.</p>}
      {visibility === 'PRIVATE' && <p>{own}, and nobody else.</p>}
      {visibility === 'SHARED' && (
        <>
          <p>{own}, and those that it is shared with:</p>
          <ul>{audience.map((each) => <li key={`${each.kind} ${each.id}`}>{each.kind === 'TEAM' && 'team '}<OutsideText>{each.displayName}</OutsideText></li>)}</ul>
        </>
      )}
      {status !== 'ACTIVE' && <p>Nobody gets it as long as it is not active.</p>}
    </>
  )
}
