import { type ReactNode } from 'react'
import { Link, type To } from 'react-router'
import { OutsideText } from './outside-text.js'
import { shownText } from './shown-text.js'
import classes from './row-link.module.css'

export interface RowLinkProps {
  to: To
  /** What it leads to is open beside the list. */
  isOpen: boolean
  name: string
  badges?: ReactNode
  /** One line below the name. */
  children?: ReactNode
}

/** A row of a list of things with names. A long name is cut and badges are not: in the higher rows of a narrow list they have a line of their own. */
export function RowLink({ to, isOpen, name, badges, children }: RowLinkProps) {
  return (
    <Link to={to} className={classes.row} aria-current={isOpen ? 'page' : undefined}>
      <span className={classes.name} title={shownText(name)}><OutsideText>{name}</OutsideText></span>
      <span className={classes.badges}>{badges}</span>
      <span className={classes.below}>{children}</span>
    </Link>
  )
}
