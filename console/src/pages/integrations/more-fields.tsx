import { Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { fieldProps } from '../../entries/field-props.js'
import { ShareFields } from '../../entries/share-fields.js'
import { type ApplyMoment } from '../../generated/graphql.js'
import { Findings } from '../../parts/findings.js'
import { digitsOf, visibilityOf } from './server-draft.js'
import { type ServerFieldsProps } from './server-fields.js'
import classes from './add.module.css'

const moments: ReadonlyArray<{ value: ApplyMoment; label: string }> = [
  { value: 'NOW', label: 'At once' }, { value: 'NEXT_TURN', label: 'At their next turn' }, { value: 'NEXT_SESSION', label: 'Only in sessions opened later' },
]
const own = ['cwd', 'timeoutMs', 'default', 'visibility', 'audience', 'locked', 'apply', 'enabled']

export interface MoreFieldsProps extends ServerFieldsProps {
  /** Whether it may be registered as disabled; an entry that is there has a button for it. */
  isNew: boolean
}

/** What is rarely changed, folded away until something of it is wrong. */
export function MoreFields({ draft, owner, findings, isNew, onChange }: MoreFieldsProps) {
  const [isOpen, setOpen] = useState(false)
  const hasFinding = own.some((field) => findings(field).length > 0)
  const text = (field: string, value: string) => ({ value, autoComplete: 'off', ...fieldProps(findings(field), value) })
  return (
    <details open={isOpen || hasFinding} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Who may use it, timeout and more</summary>
      <div className={classes.fields}>
        <ShareFields owner={owner} sharing={{ visibility: visibilityOf(draft, owner), audience: draft.audience }} findings={findings} onChange={onChange} />
        {(owner.kind !== 'USER' || draft.isLocked) && (
          <Box findings={findings('locked')} label="Locked: no narrower owner's entry takes its name" isOn={draft.isLocked} onChange={(isLocked) => onChange({ isLocked })} />
        )}
        <NativeSelect label="Sessions that run take it" data={[...moments]} {...text('apply', draft.apply)} onChange={({ currentTarget }) => onChange({ apply: currentTarget.value as ApplyMoment })} />
        <TextInput label="Timeout of one tool call, in milliseconds" placeholder="60000" inputMode="numeric" {...text('timeoutMs', draft.timeoutMs)} onChange={({ currentTarget }) => onChange({ timeoutMs: digitsOf(currentTarget.value) })} />
        {draft.kind === 'STDIO' && <TextInput label="Working folder" placeholder="The worker's own" spellCheck={false} {...text('cwd', draft.cwd)} onChange={({ currentTarget }) => onChange({ cwd: currentTarget.value })} />}
        <Box findings={findings('default')} label="Joins the set that agents inherit" isOn={draft.isDefault} onChange={(isDefault) => onChange({ isDefault })} />
        {isNew && <Box findings={findings('enabled')} label="Enabled" isOn={draft.isEnabled} onChange={(isEnabled) => onChange({ isEnabled })} />}
      </div>
    </details>
  )
}

function Box({ findings, label, isOn, onChange }: { findings: Parameters<typeof Findings>[0]['findings']; label: ReactNode; isOn: boolean; onChange: (isOn: boolean) => void }) {
  return <div><Checkbox label={label} checked={isOn} onChange={({ currentTarget }) => onChange(currentTarget.checked)} /><Findings findings={findings} isOfOneField /></div>
}
