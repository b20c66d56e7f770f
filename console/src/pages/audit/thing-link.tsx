import { Link } from 'react-router'
import { useViewer } from '../../data/viewer.js'
import { type ThingFragment } from '../../generated/graphql.js'
import { OutsideText } from '../../parts/outside-text.js'
import { aboutThing, pathOf } from './things.js'
import classes from './audit.module.css'

/** A thing by its name, as a link if it is still there, with what it is and its id in small. */
export function ThingLink({ thing }: { thing: ThingFragment }) {
  const { id } = useViewer()
  const path = pathOf(thing, id)
  const name = <OutsideText>{thing.name ?? thing.owner?.displayName ?? thing.id}</OutsideText>
  return (
    <>
      {path === null ? name : <Link to={path}>{name}</Link>}{' '}
      <span className={classes.note}><OutsideText>{`${aboutThing(thing)}${thing.id === thing.name ? '' : ` · ${thing.id}`}`}</OutsideText></span>
    </>
  )
}
