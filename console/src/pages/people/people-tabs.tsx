import { NavLink } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import classes from './people.module.css'

/** The lists of this section; everybody has teams alone. */
export function PeopleTabs() {
  const { isAdmin } = useViewer()
  if (!isAdmin) return null
  return (
    <nav aria-label="People">
      <ul className={classes.tabs}>
        {[['users', 'Users'], ['teams', 'Teams'], ['worker-tokens', 'Worker tokens']].map(([path, title]) => (
          <li key={path}><NavLink to={`/people/${path}`} className={classes.tab}>{title}</NavLink></li>
        ))}
      </ul>
    </nav>
  )
}
