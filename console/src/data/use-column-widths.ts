import { useSyncExternalStore } from 'react'
import { type Column, type ColumnWidths, readWidths } from './column-widths.js'

const key = 'pilothouse-columns'
const watchers = new Set<() => void>()
let widths = kept()

/** Storage may be refused, when it is asked for or whenever it is used: then the widths last as long as the page. */
function kept(): ColumnWidths {
  try {
    return readWidths(localStorage.getItem(key))
  } catch {
    return {}
  }
}

function keep(): void {
  try {
    localStorage.setItem(key, JSON.stringify(widths))
  } catch {
    // As above.
  }
}

/** What another window has chosen meanwhile stays, column by column. `null`: the usual width again. */
function setWidth(column: Column, width: number | null): void {
  const { [column]: _, ...others } = { ...widths, ...kept() }
  widths = width === null ? others : { ...others, [column]: width }
  keep()
  for (const watcher of watchers) watcher()
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  return () => void watchers.delete(watcher)
}

/** The widths that were chosen in this browser, and the choice. */
export function useColumnWidths(): { widths: ColumnWidths; setWidth: typeof setWidth } {
  return { widths: useSyncExternalStore(watch, () => widths), setWidth }
}
