import { createContext, type ReactNode, useCallback, useContext, useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { createPortal } from 'react-dom'
import { Link, useLocation, useNavigate, useParams } from 'react-router'
import classes from './workspace.module.css'

/** Between a ListDetail and what stands in its detail. */
interface Workspace {
  /** The name of the pane that the address asks for: the part `:pane?` of the route. */
  asked: string | undefined
  /** The address of the detail alone. */
  detail: string
  /** Where the pane goes. */
  place: HTMLElement | null
  /** Says that the pane that is asked for is there, until the answer is called. */
  claim: (title: string, of: string) => () => void
  close: () => void
}

const nothing = () => {}
export const WorkspaceContext = createContext<Workspace>({ asked: undefined, detail: '', place: null, claim: () => nothing, close: nothing })

/** Closes what is open in the workspace. */
export const useCloseWorkspace = () => useContext(WorkspaceContext).close

/** Opened from its detail: the way back leads there. */
const fromDetail = { isFromDetail: true }
const isFromDetail = (state: unknown) => (state as typeof fromDetail | null)?.isFromDetail === true

/**
 * The place beside the detail. Which pane is in it, the address says; `open` is null while there is none of that name (yet). Whoever shows the place hands it over by
 * `onPlace`, and what the keyboard goes into by `area`.
 */
export function useWorkspace() {
  const { pane: asked } = useParams()
  const location = useLocation()
  const { pathname, search } = location
  const navigate = useNavigate()
  const [claimed, setClaimed] = useState<{ title: string; of: string } | null>(null)
  const [place, setPlace] = useState<HTMLElement | null>(null)
  const claim = useCallback((title: string, of: string) => {
    setClaimed({ title, of })
    return () => setClaimed(null)
  }, [])
  const whole = pathname.replace(/\/$/, '')
  const detail = asked === undefined ? whole : whole.slice(0, whole.lastIndexOf('/'))
  const cameFromDetail = isFromDetail(location.state)
  // A step back takes a moment: a second press in it would leave the detail too.
  const isLeaving = useRef(false)
  useEffect(() => { isLeaving.current = false }, [location])
  const close = useCallback(() => {
    if (isLeaving.current) return
    isLeaving.current = true
    void (cameFromDetail ? navigate(-1) : navigate({ pathname: detail, search }, { replace: true }))
  }, [cameFromDetail, navigate, detail, search])
  const open = asked === undefined ? null : claimed
  const area = useFocusInside(open !== null, asked)
  useEscape(open !== null, close)
  return { open, close, area, onPlace: setPlace, context: useMemo(() => ({ asked, detail, place, claim, close }), [asked, detail, place, claim, close]) }
}

/** The keyboard goes into what was opened, and back to where it was. */
function useFocusInside(isOpen: boolean, asked: string | undefined) {
  const area = useRef<HTMLElement>(null)
  useEffect(() => {
    if (!isOpen) return
    const [inside, before] = [area.current, document.activeElement]
    inside?.scrollTo(0, 0)
    // Nobody has come from anywhere: the page was opened like this.
    if (before !== null && before !== document.body) inside?.focus({ preventScroll: true })
    return () => {
      // Whoever went on elsewhere meanwhile stays there.
      const now = document.activeElement
      if ((now === null || now === document.body || inside?.contains(now) === true) && before instanceof HTMLElement && before.isConnected) before.focus()
    }
  }, [isOpen, asked])
  return area
}

/** Not where Escape is for something else: in a dialog, and in a field. */
function useEscape(isOpen: boolean, close: () => void) {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    const isElsewhere = event.target instanceof Element && event.target.closest('[role="dialog"], input, select, textarea') !== null
    if (event.key === 'Escape' && !event.defaultPrevented && !isElsewhere) close()
  })
  useEffect(() => {
    if (!isOpen) return
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [isOpen])
}

export interface PaneProps {
  /** In the address: letters, digits and hyphens. */
  name: string
  /** Above it; no two landmarks of a page have the same. */
  title: string
  /** The name of what it is of, which is told where the detail is not to be seen beside it. */
  of: string
  children: ReactNode
}

/** Long things of a detail, such as a difference: they stand in the workspace while the address asks for them, wherever in the detail this stands. */
export function Pane({ name, title, of, children }: PaneProps) {
  const { asked, place, claim } = useContext(WorkspaceContext)
  const isAsked = asked === name
  useLayoutEffect(() => (isAsked ? claim(title, of) : undefined), [isAsked, claim, title, of])
  return isAsked && place !== null ? createPortal(children, place) : null
}

/** Opens a pane. From pane to pane counts as one step of the way back. */
export function PaneLink({ name, children }: { name: string; children: ReactNode }) {
  const { asked, detail } = useContext(WorkspaceContext)
  const location = useLocation()
  const { search } = location
  return (
    <Link
      to={{ pathname: `${detail}/${name}`, search }} replace={asked !== undefined} state={asked === undefined ? fromDetail : location.state as unknown} preventScrollReset
      className={classes.link} aria-current={asked === name ? 'true' : undefined}
    >
      {children}
    </Link>
  )
}
