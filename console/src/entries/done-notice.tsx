import { useEffect, useRef } from 'react'
import { Link } from 'react-router'
import { type TypedDocumentNode } from 'urql'
import { type Topic } from '../data/live.js'
import { useAction } from '../data/use-action.js'
import { InlineError } from '../parts/inline-error.js'
import { ProgressButton } from '../parts/progress-button.js'
import classes from './entries.module.css'

/** What an act changes, read again at once wherever it is shown. */
export const actTopics: readonly Topic[] = ['entries', 'approvals', 'revocations', 'workers', 'tools']

type Variables = Record<string, unknown>

export interface Undo {
  label: string
  progress: string
  mutation: TypedDocumentNode<unknown, Variables>
  variables: Variables
}

/** The way back, with the revision that the act made: what somebody has changed since is not overwritten. */
export function undoBy<Result, Taken extends Variables>(mutation: TypedDocumentNode<Result, Taken>, variables: Taken, label: string, progress: string): Undo {
  // That the two belong together is known here alone.
  return { label, progress, variables, mutation: mutation as unknown as TypedDocumentNode<unknown, Variables> }
}

/** An act that has just been done. */
export interface Done {
  text: string
  /** When it was taken from sessions. */
  receiptId: string | null
  undo: Undo | null
}

/** What was done, where to see it take effect, and the way back. */
export function DoneNotice({ done, onDone }: { done: Done; onDone: (done: Done | null) => void }) {
  const notice = useRef<HTMLDivElement>(null)
  // The button that did it is often gone with what it did: the keyboard goes on here, where the way back is.
  useEffect(() => notice.current?.focus({ preventScroll: true }), [done])
  return (
    <div ref={notice} tabIndex={-1} className={classes.done}>
      <p role="status">{done.text}</p>
      {done.receiptId !== null && <Link to={`/revocations/${done.receiptId}`}>See the receipt fill</Link>}
      {done.undo !== null && <UndoButton undo={done.undo} onUndone={() => onDone({ text: 'Undone.', receiptId: null, undo: null })} />}
    </div>
  )
}

function UndoButton({ undo, onUndone }: { undo: Undo; onUndone: () => void }) {
  const { run, isRunning, problem } = useAction(undo.mutation, actTopics)
  const press = async () => {
    if (await run(undo.variables) !== null) onUndone()
  }
  return <><ProgressButton size="compact-sm" variant="default" label={undo.label} progress={undo.progress} isRunning={isRunning} onClick={() => void press()} /><InlineError problem={problem} /></>
}
