import { type ReactNode, useId } from 'react'
import classes from './section.module.css'

/** A part of a detail page, with its heading. */
export function Section({ title, children, level = 3 }: { title: string; children: ReactNode; level?: 2 | 3 }) {
  const id = useId()
  const Heading = level === 2 ? 'h2' : 'h3'
  return <section aria-labelledby={id} className={classes.section}><Heading id={id}>{title}</Heading>{children}</section>
}
