import { type KeyboardEvent, type PointerEvent, useRef } from 'react'
import { type ColumnWidth } from '../data/column-widths.js'
import classes from './splitter.module.css'

export interface SplitterProps {
  /** Of what, for a screen reader: "Width of the list". */
  label: string
  width: ColumnWidth
  /** The column that it sizes stands on its right. Default false: on its left. */
  isOfRight?: boolean
  /** Pixels; `null`: the usual width again. */
  onWidth: (width: number | null) => void
}

const step = 16
const largeStep = 96

/**
 * The edge between two columns, at `width.now` of an element with a position: dragged, or moved with the arrows (Shift for more at once), Home and End; Enter and a
 * double click give the usual width back. https://www.w3.org/WAI/ARIA/apg/patterns/windowsplitter/
 */
export function Splitter({ label, width: { now, least, most }, isOfRight = false, onWidth }: SplitterProps) {
  const dragged = useRef<{ x: number; now: number } | null>(null)
  const to = (width: number) => onWidth(Math.min(Math.max(Math.round(width), least), most))
  const wider = isOfRight ? -1 : 1
  const begin = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return
    // Otherwise text would be marked; and it would take the focus that the arrows need.
    event.preventDefault()
    event.currentTarget.focus({ preventScroll: true })
    event.currentTarget.setPointerCapture(event.pointerId)
    dragged.current = { x: event.clientX, now }
  }
  const move = ({ clientX }: PointerEvent) => {
    if (dragged.current !== null) to(dragged.current.now + (clientX - dragged.current.x) * wider)
  }
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const by = (event.shiftKey ? largeStep : step) * wider
    const acts: Record<string, () => void> = {
      ArrowLeft: () => to(now - by), ArrowRight: () => to(now + by), Home: () => to(least), End: () => to(most), Enter: () => onWidth(null),
    }
    const act = acts[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  }
  return (
    <div
      role="separator" tabIndex={0} aria-orientation="vertical" aria-label={label} aria-valuenow={now} aria-valuemin={least} aria-valuemax={most} aria-valuetext={`${now} pixels`}
      title={`${label}: drag, or use the arrows; double click for the usual one`} className={classes.splitter} style={isOfRight ? { right: now } : { left: now }} data-of-right={isOfRight}
      onPointerDown={begin} onPointerMove={move} onLostPointerCapture={() => { dragged.current = null }} onKeyDown={press} onDoubleClick={() => onWidth(null)}
    />
  )
}
