import { type ReactNode, Suspense, useEffect, useRef, useState } from 'react'
import { Route, Routes, useLocation } from 'react-router'
import { treeIn } from '../data/column-widths.js'
import { useColumnWidths } from '../data/use-column-widths.js'
import { useViewer } from '../data/viewer.js'
import { EmptyState } from '../parts/empty-state.js'
import { InlineError } from '../parts/inline-error.js'
import { PageHeader } from '../parts/page-header.js'
import { Redirect } from '../parts/redirect.js'
import { Splitter } from '../parts/splitter.js'
import { useRoom } from '../parts/use-room.js'
import { sections } from '../sections.js'
import { Account } from './account.js'
import { ConnectionNotice } from './connection-notice.js'
import { ErrorBoundary } from './error-boundary.js'
import { Header } from './header.js'
import { signInPath } from './sign-in.js'
import { Tree } from './tree.js'
import { useSignOut } from './use-sign-out.js'
import classes from './frame.module.css'

/** Header, tree and page. On a narrow screen the tree unfolds above the page, with what the header has no room for, and choosing folds it. */
export function Frame({ onSignOut }: { onSignOut: () => Promise<void> }) {
  const viewer = useViewer()
  const { pathname } = useLocation()
  // Open for one place only: going anywhere closes it.
  const [openAt, setOpenAt] = useState<string | null>(null)
  const isTreeOpen = openAt === pathname
  const section = pathname.split('/')[1] ?? ''
  const main = useFocusOnSection(section)
  const signOut = useSignOut(onSignOut)
  const mine = sections.filter(({ isFor }) => isFor?.(viewer) ?? true)
  return (
    <div className={classes.frame}>
      <a href="#main" className={classes.skip} onClick={(event) => { event.preventDefault(); main.current?.focus() }}>Skip to the page</a>
      <Header isTreeOpen={isTreeOpen} onTree={() => setOpenAt(isTreeOpen ? null : pathname)} signOut={signOut} sections={mine} />
      <div className={classes.notices}><InlineError problem={signOut.problem} /><ConnectionNotice /></div>
      <Columns isTreeOpen={isTreeOpen} tree={<><Tree sections={mine} /><div className={classes.account}><Account signOut={signOut} /></div></>}>
        <main id="main" ref={main} tabIndex={-1} className={classes.main}>
          <ErrorBoundary key={section}>
            <Suspense fallback={<p role="status" className={classes.loading}>Loading…</p>}>
              <Routes>
                <Route index element={<Redirect to="/integrations" />} />
                {mine.map(({ path, Page }) => <Route key={path} path={`${path}/*`} element={<Page />} />)}
                <Route path={signInPath} element={<Redirect to="/" />} />
                <Route path="*" element={<NothingHere />} />
              </Routes>
            </Suspense>
          </ErrorBoundary>
        </main>
      </Columns>
    </div>
  )
}

/** By itself, so that what stands in the columns is not drawn again while they are dragged. */
function Columns({ tree, isTreeOpen, children }: { tree: ReactNode; isTreeOpen: boolean; children: ReactNode }) {
  const body = useRef<HTMLDivElement>(null)
  const { widths, setWidth } = useColumnWidths()
  const width = treeIn(useRoom(body), widths)
  return (
    <div ref={body} className={classes.body} style={{ ['--tree' as string]: `${width.now}px` }}>
      <nav id="tree" className={classes.tree} data-open={isTreeOpen} aria-label="Sections">
        {tree}
        <div className={classes.splitter}><Splitter label="Width of the tree" width={width} onWidth={(next) => setWidth('tree', next)} /></div>
      </nav>
      {children}
    </div>
  )
}

/** What the keyboard does next happens where one has gone to. Not at the first page: that is where everybody starts. */
function useFocusOnSection(section: string) {
  const main = useRef<HTMLElement>(null)
  const last = useRef(section)
  useEffect(() => {
    if (last.current === section || last.current === '') return void (last.current = section)
    last.current = section
    main.current?.focus({ preventScroll: true })
  }, [section])
  return main
}

function NothingHere() {
  return (
    <div className={classes.loading}>
      <PageHeader title="Nothing here" />
      <EmptyState title="There is no such page, or it is not for you."><p>Choose one in the tree, or press Ctrl K and type its name.</p></EmptyState>
    </div>
  )
}
