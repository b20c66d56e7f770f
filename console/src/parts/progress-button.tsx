import { Button, type ButtonProps } from '@mantine/core'
import { type MouseEventHandler } from 'react'

export interface ProgressButtonProps extends Omit<ButtonProps, 'children' | 'loading'> {
  /** What it does, as a verb: "Disable". */
  label: string
  /** The same while it happens: "Disabling…". */
  progress: string
  isRunning: boolean
  onClick?: MouseEventHandler<HTMLButtonElement>
  /** Default `button`. */
  type?: 'button' | 'submit'
}

/** A button that says what is going on, and cannot be pressed twice meanwhile. It keeps the focus, so a keyboard does not lose its place. */
export function ProgressButton({ label, progress, isRunning, onClick, type = 'button', ...rest }: ProgressButtonProps) {
  return (
    <Button
      {...rest} type={type} aria-disabled={isRunning || undefined} data-disabled={isRunning || undefined}
      onClick={(event) => { if (isRunning) event.preventDefault(); else onClick?.(event) }}
    >
      <span aria-live="polite">{isRunning ? progress : label}</span>
    </Button>
  )
}
