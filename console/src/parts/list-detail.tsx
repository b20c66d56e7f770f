import { type ReactNode } from 'react'
import { Outlet, useOutlet } from 'react-router'
import classes from './list-detail.module.css'

/**
 * A list, and beside it what is open of it (the child route). On a narrow screen one of both: the detail when there is one, whose PageHeader has the
 * way back. `nothingOpen` fills the place on a wide screen.
 */
export function ListDetail({ list, nothingOpen }: { list: ReactNode; nothingOpen: ReactNode }) {
  const isOpen = useOutlet() !== null
  return (
    <div className={classes.both} data-open={isOpen}>
      <div className={classes.list}>{list}</div>
      <div className={classes.detail}>{isOpen ? <Outlet /> : nothingOpen}</div>
    </div>
  )
}
