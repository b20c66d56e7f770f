import { type RefObject, useLayoutEffect, useState } from 'react'

/** Pixels that an element is wide, as it changes. */
export function useRoom(element: RefObject<HTMLElement | null>): number {
  const [room, setRoom] = useState(() => window.innerWidth)
  useLayoutEffect(() => {
    const measured = element.current
    if (measured === null) return
    const observer = new ResizeObserver(() => setRoom(measured.clientWidth))
    observer.observe(measured)
    // What the observer says is drawn after the first picture.
    // eslint-disable-next-line react-hooks/set-state-in-effect
    setRoom(measured.clientWidth)
    return () => observer.disconnect()
  }, [element])
  return room
}
