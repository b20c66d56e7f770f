import { Button, Group, Stack } from '@mantine/core'
import { type ReactNode } from 'react'
import { type Problem } from '../../data/problem.js'
import { CliLine } from '../../parts/code-block.js'
import { Dialog } from '../../parts/dialog.js'
import { InlineError } from '../../parts/inline-error.js'
import { ProgressButton } from '../../parts/progress-button.js'

interface FormDialogProps {
  title: string
  /** The fields. */
  children: ReactNode
  label: string
  progress: string
  isRunning: boolean
  problem: Problem | null
  /** The same with the CLI. */
  cli: string
  onSubmit: () => void
  onClose: () => void
}

/** A short form over the page. What the server refuses stays in its fields. */
export function FormDialog({ title, children, label, progress, isRunning, problem, cli, onSubmit, onClose }: FormDialogProps) {
  return (
    <Dialog isOpen title={title} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (!isRunning) onSubmit() }}>
        <Stack gap="md">
          {children}
          <InlineError problem={problem} />
          <CliLine line={cli} />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>Cancel</Button>
            <ProgressButton type="submit" label={label} progress={progress} isRunning={isRunning} />
          </Group>
        </Stack>
      </form>
    </Dialog>
  )
}
