import { type ReactNode } from 'react'
import classes from './empty-state.module.css'

/** Nothing is there: why, and what to do first (`children`: a sentence, and a link or button). */
export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return <div className={classes.empty}><h2>{title}</h2>{children}</div>
}
