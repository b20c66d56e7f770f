import { type DragEvent, type ReactNode, useState } from 'react'
import classes from './agents.module.css'

/** A part of a page that takes a file which is dropped on it. Text that is dragged goes where it is dropped, as anywhere. */
export function DropPlace({ onDrop, children }: { onDrop: (file: File) => void; children: ReactNode }) {
  const [isOver, setOver] = useState(false)
  const hasFile = ({ dataTransfer }: DragEvent) => dataTransfer.types.includes('Files')
  const over = (event: DragEvent) => {
    if (!hasFile(event)) return
    // Else the browser opens the file in place of the page.
    event.preventDefault()
    setOver(true)
  }
  const drop = (event: DragEvent) => {
    if (!hasFile(event)) return
    event.preventDefault()
    setOver(false)
    const [file] = event.dataTransfer.files
    if (file !== undefined) onDrop(file)
  }
  return <div className={classes.fields} data-over={isOver || undefined} onDragOver={over} onDragLeave={() => setOver(false)} onDrop={drop}>{children}</div>
}
