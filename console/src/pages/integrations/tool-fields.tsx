import { useState } from 'react'
import { OutsideText } from '../../parts/outside-text.js'
import { type ServerFieldsProps } from './server-fields.js'
import { TextRows } from './text-rows.js'
import classes from './add.module.css'

/** Which tools it may offer: folded, because most offer all. */
export function ToolFields({ draft: { include, exclude }, findings, onChange }: Omit<ServerFieldsProps, 'owner'>) {
  const [isOpen, setOpen] = useState(false)
  const fields = ['include', 'exclude', ...include.map((_, at) => `include.${at}`), ...exclude.map((_, at) => `exclude.${at}`)]
  const hasFinding = fields.some((field) => findings(field).length > 0)
  return (
    <details open={isOpen || hasFinding} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Tools: <OutsideText>{toolsSummary(include, exclude)}</OutsideText></summary>
      <div className={classes.fields}>
        <TextRows label="Tools it may offer" item="Tool" hint="Names, with * for any run of characters. No field at all: no tool." values={include} field="include" findings={findings} onChange={(next) => onChange({ include: next })} />
        <TextRows label="But not these" item="Excluded tool" values={exclude} field="exclude" findings={findings} onChange={(next) => onChange({ exclude: next })} />
      </div>
    </details>
  )
}

function toolsSummary(include: readonly string[], exclude: readonly string[]): string {
  const named = include.filter((name) => name !== '')
  return `${named.includes('*') ? 'all' : named.length === 0 ? 'none' : named.join(', ')}${exclude.length === 0 ? '' : `, without ${exclude.join(', ')}`}`
}
