import { Button, Group, Stack } from '@mantine/core'
import { type ReactNode } from 'react'
import { type Problem } from '../data/problem.js'
import { Dialog } from './dialog.js'
import { InlineError } from './inline-error.js'
import { ProgressButton } from './progress-button.js'

export interface ConfirmDialogProps {
  isOpen: boolean
  /** The question: "Disable github?" */
  title: string
  /** What will happen to whom, with numbers: "3 live sessions on 2 workers will lose it now." Also fields, such as a reason. */
  children: ReactNode
  label: string
  progress: string
  isRunning: boolean
  /** Shown here, where it was caused; the dialog stays open. */
  problem: Problem | null
  /** Default false. */
  isDangerous?: boolean
  onConfirm: () => void
  onClose: () => void
}

/** Asks before something that others feel, and names the effect. Escape and "Cancel" leave everything as it is. */
export function ConfirmDialog({ isOpen, title, children, label, progress, isRunning, problem, isDangerous = false, onConfirm, onClose }: ConfirmDialogProps) {
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={title}>
      <Stack gap="md">
        <Stack gap="sm">{children}</Stack>
        <InlineError problem={problem} />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose} data-autofocus>Cancel</Button>
          <ProgressButton label={label} progress={progress} isRunning={isRunning} onClick={onConfirm} color={isDangerous ? 'red' : undefined} />
        </Group>
      </Stack>
    </Dialog>
  )
}
