import { type ReactNode } from 'react'
import classes from './key-values.module.css'

/** Names and values of one thing. Rows with `null` are left out. */
export function KeyValues({ rows }: { rows: ReadonlyArray<readonly [name: string, value: ReactNode]> }) {
  return (
    <dl className={classes.list}>
      {rows.filter(([, value]) => value !== null).map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
    </dl>
  )
}
