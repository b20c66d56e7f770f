import { type RefObject } from 'react'
import classes from './json-editor.module.css'

export interface JsonEditorProps {
  label: string
  text: string
  onText: (text: string) => void
  /** From 1: those with something wrong in them. */
  badLines: ReadonlySet<number>
  /** The element that says what is wrong. */
  describedBy?: string
  /** To jump to a place in it: `showPlace`. */
  field: RefObject<HTMLTextAreaElement | null>
}

/** A plain field for JSON with numbers before the lines. Tab leaves it, as it does every field. */
export function JsonEditor({ label, text, onText, badLines, describedBy, field }: JsonEditorProps) {
  const lines = text.split('\n').length
  return (
    <div className={classes.editor}>
      <div className={classes.gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, at) => <span key={at} data-bad={badLines.has(at + 1) || undefined}>{at + 1}{'\n'}</span>)}
      </div>
      <textarea
        ref={field} className={classes.text} aria-label={label} aria-describedby={describedBy} aria-invalid={badLines.size > 0} value={text} rows={Math.max(lines + 1, 12)} wrap="off"
        spellCheck={false} autoComplete="off" autoCapitalize="off" autoCorrect="off" onChange={({ currentTarget }) => onText(currentTarget.value)}
      />
    </div>
  )
}

/** Puts the cursor at a place of the text, and shows it. */
export function showPlace(field: HTMLTextAreaElement | null, at: number): void {
  if (field === null) return
  field.focus({ preventScroll: true })
  const end = field.value.indexOf('\n', at)
  field.setSelectionRange(at, end === -1 ? field.value.length : end)
  const line = field.value.slice(0, at).split('\n').length
  const frame = field.parentElement
  const height = field.scrollHeight / field.rows
  frame?.scrollTo({ top: Math.max(0, (line - 4) * height) })
  frame?.scrollIntoView({ block: 'nearest' })
}
