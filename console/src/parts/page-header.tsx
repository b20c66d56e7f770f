import { type ReactNode } from 'react'
import { Link, type To } from 'react-router'
import { OutsideText } from './outside-text.js'
import { useTitle } from './use-title.js'
import classes from './page-header.module.css'

export interface PageHeaderProps {
  /** Of the tab too; what is hidden in it stands there as an escape. */
  title: string
  /** What stands there instead of the plain title: words of ours with a name as OutsideText. */
  heading?: ReactNode
  badges?: ReactNode
  /** Buttons, hidden and not greyed for who may not. */
  actions?: ReactNode
  /** One level up; shown where a narrow screen shows one level alone. */
  back?: { to: To; label: string }
}

/** Of a page, and of what is open beside a list: on a narrow screen that is alone, so both are headings of the first level. */
export function PageHeader({ title, heading, badges, actions, back }: PageHeaderProps) {
  useTitle(title)
  return (
    <div className={classes.header}>
      {back && <Link to={back.to} className={classes.back}><span aria-hidden="true">‹ </span>{back.label}</Link>}
      <div className={classes.line}>
        <h1 className={classes.title}>{heading ?? <OutsideText>{title}</OutsideText>}</h1>
        {badges && <span className={classes.badges}>{badges}</span>}
        {actions && <span className={classes.actions}>{actions}</span>}
      </div>
    </div>
  )
}
