import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useRef } from 'react'
import { useRoom } from './use-room.js'
import classes from './virtual-list.module.css'

export interface VirtualListProps<Item> {
  items: readonly Item[]
  /** What it is a list of, for a screen reader. */
  label: string
  keyOf: (item: Item) => string
  /** One row, with a link or button in it that the keyboard reaches. */
  children: (item: Item) => ReactNode
  /** Pixels of every row: measuring each would cost a layout for each. Long texts end in an ellipsis. */
  rowHeight: number
  /** The same where the list is narrow, for rows that need a line more there. Default: `rowHeight`. */
  narrowRowHeight?: number
  /** Called when other rows come into the page, with the first and last of them. */
  onSee?: (first: number, last: number) => void
}

/** Pixels below which a name and its badges have no room beside each other. */
const narrowWidth = 460
/** Rows above and below what is seen. */
const beyond = 6

/** A list of any length, of which only the visible rows are in the page. */
export function VirtualList<Item>({ items, label, keyOf, children, rowHeight, narrowRowHeight = rowHeight, onSee }: VirtualListProps<Item>) {
  'use no memo' // The virtualizer changes in place, which a compiler that remembers would not see.
  const scroller = useRef<HTMLDivElement>(null)
  const height = useRoom(scroller) < narrowWidth ? narrowRowHeight : rowHeight
  // eslint-disable-next-line react-hooks/incompatible-library
  const rows = useVirtualizer({
    count: items.length, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: beyond,
    getItemKey: (at) => keyOf(items[at]!),
    // Rows come with the next frame, not within the event of the scroll, which would hold the frame up.
    useFlushSync: false,
    onChange: ({ range }) => { if (range !== null) onSee?.(Math.max(0, range.startIndex - beyond), range.endIndex + beyond) },
  })
  return (
    <div ref={scroller} className={classes.scroller} tabIndex={0} role="region" aria-label={label}>
      <ul style={{ height: rows.getTotalSize() }} className={classes.list} data-is-tall={height > rowHeight}>
        {rows.getVirtualItems().map(({ key, index, start }) => (
          <li
            key={key} aria-setsize={items.length} aria-posinset={index + 1}
            className={classes.row} style={{ height, transform: `translateY(${start}px)` }}
          >
            {children(items[index]!)}
          </li>
        ))}
      </ul>
    </div>
  )
}
