import { Button, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useViewer } from '../data/viewer.js'
import { CliLine } from '../parts/code-block.js'
import { ConfirmDialog } from '../parts/confirm-dialog.js'
import { usualDeadline, usualMode, type WithdrawCommand, withdrawLine } from './cli-args.js'
import { type Done } from './done-notice.js'
import { Impact } from './impact.js'
import { type ActedOn } from './acted-on.js'
import { type Act, type Terms, useWithdraw } from './use-withdraw.js'

const words: Record<Act, { label: string; progress: string; command: WithdrawCommand; after: string }> = {
  DISABLE: { label: 'Disable', progress: 'Disabling…', command: 'disable', after: 'It leaves every set until it is enabled again.' },
  REVOKE: {
    label: 'Revoke', progress: 'Revoking…', command: 'revoke',
    after: 'It, its content and where it is reached are refused to its owner under any name, until it is asked for back and somebody else approves.',
  },
  DELETE: { label: 'Delete', progress: 'Deleting…', command: 'delete', after: 'Its name is free; its history and audit stay. It comes back only by being registered anew.' },
}

/** Takes it from sessions, after naming who loses it. */
export function WithdrawButton({ act, entry, onDone }: { act: Act; entry: ActedOn; onDone: (done: Done) => void }) {
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <Button variant={act === 'DISABLE' ? 'default' : 'outline'} color={act === 'DISABLE' ? undefined : 'red'} onClick={() => setAsking(true)}>{words[act].label}</Button>
      {isAsking && <WithdrawDialog act={act} entry={entry} onDone={onDone} onClose={() => setAsking(false)} />}
    </>
  )
}

function WithdrawDialog({ act, entry, onDone, onClose }: { act: Act; entry: ActedOn; onDone: (done: Done) => void; onClose: () => void }) {
  const viewer = useViewer()
  const [mode, setMode] = useState<Terms['mode']>(usualMode[words[act].command])
  const [deadline, setDeadline] = useState(usualDeadline)
  const [reason, setReason] = useState('')
  const { withdraw, isRunning, problem } = useWithdraw(act, entry, onDone)
  const { label, progress, command, after } = words[act]
  const confirm = async () => {
    if (await withdraw({ mode, deadlineSeconds: Number(deadline), reason })) onClose()
  }
  const at = (field: string) => (problem?.field === field ? problem.message : undefined)
  return (
    <ConfirmDialog
      isOpen title={`${label} ${entry.name}?`} label={label} progress={progress} isRunning={isRunning} problem={problem} isDangerous={act !== 'DISABLE'}
      onConfirm={() => void confirm()} onClose={onClose}
    >
      <Stack gap="sm">
        <Impact id={entry.id} />
        <p>{after}</p>
        {act === 'REVOKE' && <TextInput label="Reason" description="Whoever sees the entry can read it." required value={reason} error={at('reason')} onChange={({ currentTarget }) => setReason(currentTarget.value)} data-autofocus />}
        <NativeSelect
          label="Calls in flight" value={mode} onChange={({ currentTarget }) => setMode(currentTarget.value as Terms['mode'])}
          data={[{ value: 'DRAIN', label: 'may finish until the deadline' }, { value: 'IMMEDIATE', label: 'fail now' }]}
        />
        <TextInput type="number" min={1} max={3600} label="Deadline, seconds" description="By then every session should have stopped." value={deadline} error={at('deadlineSeconds')} onChange={({ currentTarget }) => setDeadline(currentTarget.value)} />
        <CliLine line={withdrawLine(command, entry, viewer.id, { mode, deadline, reason })} />
      </Stack>
    </ConfirmDialog>
  )
}
