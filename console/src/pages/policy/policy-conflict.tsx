import { Button } from '@mantine/core'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { type Draft } from './use-draft.js'
import classes from './policy.module.css'

/** Somebody else saved while this was written on: what they changed, and what becomes of one's own. */
export function PolicyConflict({ overtaken: { before, after, revision }, onTheirs, onMine }: { overtaken: NonNullable<Draft['overtaken']>; onTheirs: () => void; onMine: () => void }) {
  return (
    <div role="alert" className={classes.conflict}>
      <p><strong>Somebody else saved revision {revision} meanwhile.</strong> This is what it changed; what you typed is still there below.</p>
      <DiffView diff={unifiedDiff(before, after)} label={`What revision ${revision} changed`} />
      <div className={classes.actions}>
        <Button variant="default" onClick={onMine}>Keep mine, and save it over theirs</Button>
        <Button variant="default" onClick={onTheirs}>Take theirs, and drop mine</Button>
      </div>
    </div>
  )
}
