import { type ConnectionTestFieldsFragment } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { OutsideLines, OutsideText } from '../../parts/outside-text.js'
import { RelativeTime } from '../../parts/relative-time.js'
import classes from './connection-test.module.css'

type Probe = ConnectionTestFieldsFragment

/** What came of the last test: where, how long, and what it found; or why not, and the mend. */
export function ConnectionFound({ probe }: { probe: Probe }) {
  const { state, workerId, revision, requestedAt, finishedAt, reason, mend, inventory } = probe
  const where = workerId == null ? null : <> on <OutsideText>{workerId}</OutsideText></>
  if (state === 'PENDING') return <p>Asked for <RelativeTime at={requestedAt} />; waits for a worker.</p>
  if (state === 'RUNNING') return <p>It is tried{where}.</p>
  return (
    <>
      <p className={classes.line}>
        {state === 'SUCCEEDED' ? <Badge tone="good">connects</Badge> : <Badge tone="bad">{state === 'REFUSED' ? 'not tried' : 'does not connect'}</Badge>}
        <span>Revision {revision}{where}{state === 'SUCCEEDED' && probe.durationMs != null && <> after {durationText(probe.durationMs)}</>}, <RelativeTime at={finishedAt ?? requestedAt} />.</span>
      </p>
      {reason != null && <p><OutsideLines>{reason}</OutsideLines></p>}
      {state !== 'SUCCEEDED' && mend != null && <p>{mend}</p>}
      {inventory != null && <Inventory inventory={inventory} />}
    </>
  )
}

function durationText(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${(ms / 1_000).toFixed(1)} s`
}

function Inventory({ inventory: { tools, toolCount, toolsHeld, promptCount, resourceCount } }: { inventory: NonNullable<Probe['inventory']> }) {
  const counted = [[toolCount, 'tool'], [promptCount, 'prompt'], [resourceCount, 'resource']] as const
  const counts = counted.flatMap(([count, word]) => (count == null ? [] : [`${count} ${word}${count === 1 ? '' : 's'}`]))
  return (
    <>
      <p>It offers {counts.join(', ')}.</p>
      {toolsHeld.length > 0 && <p>Held, since their definitions are not the accepted ones: <OutsideText>{toolsHeld.join(', ')}</OutsideText></p>}
      {tools.length > 0 && (
        <div role="region" aria-label="Tools that were found" tabIndex={0} className={classes.scrolls}>
          <dl className={classes.tools}>
            {tools.map(({ name, description }) => <div key={name}><dt><OutsideText>{name}</OutsideText></dt><dd><OutsideLines>{description}</OutsideLines></dd></div>)}
          </dl>
        </div>
      )}
      {toolCount > tools.length && <p>And {toolCount - tools.length} more.</p>}
    </>
  )
}
