import { Checkbox, NativeSelect, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { scopeTitle } from '../../data/scope.js'
import { useViewer } from '../../data/viewer.js'
import { type ApplyMoment, type Visibility } from '../../generated/graphql.js'
import { Findings } from '../../parts/findings.js'
import { fieldProps } from './field-props.js'
import { digitsOf, type DraftOwner } from './server-draft.js'
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
export function MoreFields(props: MoreFieldsProps) {
  const { draft, owner, findings, isRefused, isNew, onChange } = props
  const [isOpen, setOpen] = useState(false)
  const hasFinding = own.some((field) => findings(field).length > 0)
  const text = (field: string, value: string) => ({ value, autoComplete: 'off', ...fieldProps(findings(field), isRefused, value) })
  return (
    <details open={isOpen || hasFinding} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>Who may use it, timeout and more</summary>
      <div className={classes.fields}>
        <Sharing {...props} />
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

/** What the viewer may set: with everybody only admins (the deployment's is anyway), with the teams that one maintains; whom it is shared with already stays to be seen. */
function Sharing({ draft, owner, findings, isRefused, onChange }: ServerFieldsProps) {
  const viewer = useViewer()
  const teams = viewer.owners.filter((one) => one.kind === 'TEAM' && one.id !== owner.id && viewer.can('WRITE_ENTRIES', one))
  const offered = [...new Map([...draft.audience, ...teams].map((one) => [`${one.kind} ${one.id}`, one])).values()]
  const visibility = draft.visibility ?? (owner.kind === 'DEPLOYMENT' ? 'PUBLIC' : 'PRIVATE')
  const isShared = (one: DraftOwner) => draft.audience.some(({ kind, id }) => kind === one.kind && id === one.id)
  const options: Array<{ value: Visibility; label: string }> = [
    { value: 'PRIVATE', label: owner.kind === 'DEPLOYMENT' ? 'Nobody but admins: private' : 'Its owner: private' },
    ...(offered.length > 0 || visibility === 'SHARED' ? [{ value: 'SHARED' as const, label: 'Its owner and these: shared' }] : []),
    ...(viewer.isAdmin || visibility === 'PUBLIC' ? [{ value: 'PUBLIC' as const, label: 'Everybody: public' }] : []),
  ]
  const toggle = (one: DraftOwner, isOn: boolean) => onChange({ audience: isOn ? [...draft.audience, one] : draft.audience.filter(({ kind, id }) => kind !== one.kind || id !== one.id) })
  return (
    <>
      <NativeSelect label="Used by" data={options} value={visibility} {...fieldProps(findings('visibility'), isRefused)} onChange={({ currentTarget }) => onChange({ visibility: currentTarget.value as Visibility })} />
      {visibility === 'SHARED' && (
        <fieldset className={classes.rows}>
          <legend>Shared with</legend>
          {offered.map((one) => <Checkbox key={`${one.kind} ${one.id}`} label={scopeTitle(one, viewer.id)} checked={isShared(one)} onChange={({ currentTarget }) => toggle(one, currentTarget.checked)} />)}
          <Findings findings={findings('audience')} isOfOneField />
        </fieldset>
      )}
    </>
  )
}
