import { type NamedOwner } from '../../data/viewer.js'
import { Checkbox } from '@mantine/core'
import { useState } from 'react'
import { Badge, StatusBadge } from '../../parts/badge.js'
import { CodeBlock } from '../../parts/code-block.js'
import { Findings } from '../../parts/findings.js'
import { OutsideText } from '../../parts/outside-text.js'
import { shownText } from '../../parts/shown-text.js'
import { type AddRow } from './add-integration.js'
import { type ImportedItem } from './pasted-list.js'
import { placeFindings } from './place-findings.js'
import { lineOf, type ServerDraft } from './server-draft.js'
import { ServerFields } from './server-fields.js'
import classes from './add.module.css'

export interface PastedRowProps {
  row: AddRow
  owner: NamedOwner
  /** What would become of it. null: not known yet; DOUBLE: a row above has the name. */
  item: ImportedItem | null | 'DOUBLE'
  onChange: (part: Partial<AddRow>) => void
}

const outcomes: Record<string, [tone: 'good' | 'quiet' | 'bad', word: string]> = {
  CREATED: ['good', 'new'], UPDATED: ['good', 'new revision'], RENAMED: ['good', 'renamed'], UNCHANGED: ['quiet', 'is there already'], SKIPPED: ['quiet', 'name is taken'], REFUSED: ['bad', 'refused'],
}

/** One of several servers: whether it is taken, what the server says of it, and its form when it is opened. */
export function PastedRow({ row: { draft, left, isChosen }, owner, item, onChange }: PastedRowProps) {
  const [isOpen, setOpen] = useState(false)
  const isDouble = item === 'DOUBLE'
  const found = item === null || isDouble ? [] : item.findings
  const [tone, word] = isDouble ? ['bad' as const, 'named like one above'] : item === null ? ['quiet' as const, '…'] : outcomes[item.outcome] ?? ['quiet' as const, item.outcome.toLowerCase()]
  const change = (part: Partial<ServerDraft>) => onChange({ draft: { ...draft, ...part } })
  const line = lineOf(draft)
  const status = item === null || isDouble ? null : item.entry?.status ?? null
  return (
    <li>
      <div className={classes.actions}>
        <Checkbox checked={isChosen} aria-label={`Add ${shownText(draft.name)}`} onChange={({ currentTarget }) => onChange({ isChosen: currentTarget.checked })} />
        <strong className={classes.name}><OutsideText>{draft.name}</OutsideText></strong>
        <Badge tone={tone}>{word}</Badge>
        {status === 'PENDING_APPROVAL' && <StatusBadge status={status} />}
      </div>
      {line === null ? <p><code><OutsideText>{draft.url}</OutsideText></code></p> : <CodeBlock text={line} label={`Command line of ${shownText(draft.name)}`} />}
      <Findings findings={[...left, ...found]} />
      <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Change it</summary>
        {isOpen && <ServerFields draft={draft} owner={owner} findings={placeFindings(found, draft)} onChange={change} />}
      </details>
    </li>
  )
}
