import { OutsideText } from '../../parts/outside-text.js'
import { type Integration } from './integration-detail.js'

/** In whose sets it can be; whether it is in the viewer's own, the chain tells. */
export function WhoUses({ server: { owner, visibility, audience, status } }: { server: Integration }) {
  const own = owner.kind === 'DEPLOYMENT'
    ? 'the deployment’s own sessions'
    : owner.kind === 'TEAM' ? <>the team <OutsideText>{owner.displayName}</OutsideText> and its members</> : <OutsideText>{owner.displayName}</OutsideText>
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
