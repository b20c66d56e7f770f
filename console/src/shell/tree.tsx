import { NavLink } from 'react-router'
import { allTitle, scopeOf, scopeTitle } from '../data/scope.js'
import { useViewer } from '../data/viewer.js'
import { OutsideText } from '../parts/outside-text.js'
import { type Section } from '../sections.js'
import classes from './tree.module.css'

export function Tree({ sections }: { sections: readonly Section[] }) {
  return (
    <ul className={classes.tree}>
      {sections.map(({ path, title, hasScopes, add, Count }) => (
        <li key={path}>
          <NavLink to={`/${path}`} className={classes.link} end={hasScopes}><span>{title}</span>{Count && <Count />}</NavLink>
          {hasScopes && <Scopes path={path} />}
          {add !== undefined && <div className={classes.scopes}><NavLink to={`/${path}/add`} className={classes.link} ><span><span aria-hidden="true">+ </span>{add}</span></NavLink></div>}
        </li>
      ))}
    </ul>
  )
}

function Scopes({ path }: { path: string }) {
  const viewer = useViewer()
  return (
    <ul className={classes.scopes}>
      <li><NavLink to={`/${path}/all`} className={classes.link}>{allTitle(viewer)}</NavLink></li>
      {viewer.owners.map((owner) => (
        <li key={`${owner.kind} ${owner.id}`}>
          <NavLink to={`/${path}/${scopeOf(owner, viewer.id)}`} className={classes.link}><OutsideText>{scopeTitle(owner, viewer.id)}</OutsideText></NavLink>
        </li>
      ))}
    </ul>
  )
}
