import { Textarea } from '@mantine/core'
import { useState } from 'react'
import { type ParsedItem } from '../../../../src/core/mcp-json.js'
import { parsePaste } from './paste.js'
import classes from './add.module.css'

/** Takes whatever says what a server is. What was read leaves the box, so that nothing in it stays behind; what cannot be read stays, with the place. */
export function PasteBox({ onRead }: { onRead: (items: ParsedItem[]) => void }) {
  const [text, setText] = useState('')
  const [said, setSaid] = useState<{ problem: string } | { hint: string } | { count: number } | null>(null)
  const read = (next: string) => {
    const parsed = next.trim() === '' ? null : parsePaste(next)
    if (parsed === null || 'problem' in parsed) {
      setText(next)
      return setSaid(parsed)
    }
    // A line that is typed has no end of its own, as JSON has.
    const isTyped = next.length <= text.length + 1 && !next.endsWith('\n')
    if (parsed.isLine && isTyped) {
      setText(next)
      return setSaid({ hint: 'Press Enter at the end of the line.' })
    }
    setText('')
    setSaid({ count: parsed.items.length })
    onRead(parsed.items)
  }
  return (
    <div>
      <Textarea
        data-autofocus autoFocus label="Paste JSON" description="A whole .mcp.json, PilotSwarm's, or one server of it; or a URL, or the command that starts it. Nothing of it is run." placeholder={'{ "mcpServers": { … } }'}
        rows={4} value={text} autoComplete="off" spellCheck={false} error={said !== null && 'problem' in said ? said.problem : null} onChange={({ currentTarget }) => read(currentTarget.value)}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
      />
      <p role="status" className={classes.read}>{statusOf(said)}</p>
    </div>
  )
}

function statusOf(said: { problem: string } | { hint: string } | { count: number } | null): string {
  if (said === null || 'problem' in said) return ''
  return 'hint' in said ? said.hint : `Read: ${said.count === 1 ? 'one server' : `${said.count} servers`}.`
}
