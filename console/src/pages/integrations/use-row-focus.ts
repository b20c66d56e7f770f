import { type RefObject, useEffect, useRef } from 'react'

export interface RowFocus {
  list: RefObject<HTMLUListElement | null>
  add: RefObject<HTMLButtonElement | null>
  onAdd: () => void
  onRemove: () => void
}

/** The keyboard goes on where it is of use: in a row that was added, and at "Add" after one was removed, whose button is gone. */
export function useRowFocus(count: number): RowFocus {
  const list = useRef<HTMLUListElement>(null)
  const add = useRef<HTMLButtonElement>(null)
  const isAdded = useRef(false)
  useEffect(() => {
    if (isAdded.current) list.current?.querySelector<HTMLElement>(':scope > li:last-child input')?.focus()
    isAdded.current = false
  }, [count])
  return { list, add, onAdd: () => { isAdded.current = true }, onRemove: () => add.current?.focus() }
}
