import { Button } from '@mantine/core'
import { type ReactNode, useRef } from 'react'
import { Outlet, useOutlet } from 'react-router'
import { panesIn } from '../data/column-widths.js'
import { useColumnWidths } from '../data/use-column-widths.js'
import { OutsideText } from './outside-text.js'
import { Splitter } from './splitter.js'
import { useRoom } from './use-room.js'
import { useWorkspace, WorkspaceContext } from './workspace.js'
import classes from './list-detail.module.css'

/**
 * A list, beside it what is open of it (the child route), and beside that the workspace, for the long things of the detail (`Pane`; the child route ends in `/:pane?`).
 * Without room for all of them what is deepest is shown, with the way back: the PageHeader of the detail has it, and the workspace. `nothingOpen` fills the place of the
 * detail where there is one.
 */
export function ListDetail({ list, nothingOpen }: { list: ReactNode; nothingOpen: ReactNode }) {
  const isOpen = useOutlet() !== null
  const both = useRef<HTMLDivElement>(null)
  const { open, close, area, onPlace, context } = useWorkspace()
  const { widths, setWidth } = useColumnWidths()
  const { count, list: listWidth, workspace } = panesIn(useRoom(both), widths, open !== null)
  const hasDetail = count === 3 || (open === null && (count === 2 || isOpen))
  const columns = [...count > 1 ? [`${listWidth.now}px`] : [], 'minmax(0, 1fr)', ...count === 3 ? [`${workspace.now}px`] : []]
  return (
    <WorkspaceContext value={context}>
      <div ref={both} className={classes.both} data-is-one={count === 1} style={{ gridTemplateColumns: columns.join(' ') }}>
        <div className={classes.list} hidden={count === 1 && (isOpen || open !== null)}>{list}</div>
        {count > 1 && <Splitter label="Width of the list" width={listWidth} onWidth={(width) => setWidth('list', width)} />}
        <div className={classes.detail} hidden={!hasDetail}>{isOpen ? <Outlet /> : nothingOpen}</div>
        {count === 3 && <Splitter label="Width of the workspace" width={workspace} isOfRight onWidth={(width) => setWidth('workspace', width)} />}
        <section ref={area} tabIndex={-1} aria-label={open?.title ?? 'Workspace'} className={classes.workspace} hidden={open === null}>
          <div className={classes.head}>
            {count < 3 && <Button variant="default" size="compact-sm" onClick={close}><span aria-hidden="true">‹&nbsp;</span>Back</Button>}
            <div className={classes.titles}>
              {count < 3 && <h1 className={classes.of}><OutsideText>{open?.of ?? ''}</OutsideText></h1>}
              <h2 className={classes.title}><OutsideText>{open?.title ?? ''}</OutsideText></h2>
            </div>
            {count === 3 && <Button variant="default" size="compact-sm" aria-keyshortcuts="Escape" onClick={close}>Close</Button>}
          </div>
          <div ref={onPlace} className={classes.place} />
        </section>
      </div>
    </WorkspaceContext>
  )
}
