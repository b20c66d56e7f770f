import { Link } from 'react-router'
import { useViewer } from '../data/viewer.js'
import { OutsideText } from '../parts/outside-text.js'
import { ProgressButton } from '../parts/progress-button.js'
import { type SignOut } from './use-sign-out.js'
import classes from './header.module.css'

/** Who one is, and the way out. */
export function Account({ signOut }: { signOut: SignOut }) {
  const viewer = useViewer()
  return (
    <>
      <Link to="/tokens" title="My tokens" className={classes.who}><OutsideText>{viewer.displayName}</OutsideText>{viewer.isAdmin && ' (admin)'}</Link>
      <ProgressButton variant="default" size="compact-md" label="Sign out" progress="Signing out…" isRunning={signOut.isRunning} onClick={signOut.run} />
    </>
  )
}
