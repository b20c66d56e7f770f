import { useMemo, useState } from 'react'
import { printableJson } from '../../../../src/core/printable-json.js'
import { checkPolicy } from './check-policy.js'
import { type StoredPolicy } from './policy-page.js'

/** A policy as it was read, to be written on. */
interface Base {
  revision: number
  text: string
}

type Saved = Pick<StoredPolicy, 'revision' | 'document'>

const baseOf = ({ revision, document }: Saved): Base => ({ revision, text: printableJson(document) })

/** What is typed over a stored policy. While nothing is, the newest one is shown; after that it is `overtaken` when somebody else saves another. */
export function useDraft(policy: StoredPolicy) {
  const [base, setBase] = useState(() => baseOf(policy))
  const [text, setText] = useState(base.text)
  const stored = useMemo(() => baseOf(policy), [policy])
  const isChanged = text !== base.text
  // What was just saved is ahead of what was last read.
  const isOther = stored.revision > base.revision
  if (isOther && (!isChanged || text === stored.text)) {
    setBase(stored)
    setText(stored.text)
  }
  const take = (from: Base) => {
    setBase(from)
    setText(from.text)
  }
  return {
    text, setText, isChanged, revision: base.revision, checked: useMemo(() => checkPolicy(text), [text]),
    /** null, or what somebody else saved meanwhile over what this began with. */
    overtaken: isOther && isChanged ? { before: base.text, after: stored.text, revision: stored.revision } : null,
    takeTheirs: () => take(stored),
    /** What is typed stays, and may be saved over theirs. */
    keepMine: () => setBase(stored),
    undo: () => setText(base.text),
    taken: (saved: Saved) => take(baseOf(saved)),
  }
}

export type Draft = ReturnType<typeof useDraft>
