import { Checkbox, PasswordInput, Textarea } from '@mantine/core'
import { type ClipboardEvent, type ReactNode, type RefObject, useLayoutEffect, useRef, useState } from 'react'
import classes from './secret-field.module.css'

export type SecretElement = HTMLInputElement | HTMLTextAreaElement

export interface SecretFieldProps {
  label: string
  description?: ReactNode
  error?: ReactNode
  /** The element itself, to read the value from when it is sent, and to empty it afterwards: nothing else ever holds the value. */
  fieldRef: RefObject<SecretElement | null>
  onTyped?: () => void
}

/** Said to what fills in and keeps passwords: this is none of a person's. */
const notForManagers = { autoComplete: 'off', spellCheck: false, autoCorrect: 'off', autoCapitalize: 'off', 'data-1p-ignore': true, 'data-lpignore': 'true', 'data-bwignore': true, 'data-form-type': 'other' } as const

/**
 * A value that is written and never read back. It stays in the element, and out of React's state and attributes, which would be in the page's source.
 * What is pasted with several lines, such as a key, keeps them.
 */
export function SecretField({ label, description, error, fieldRef, onTyped }: SecretFieldProps) {
  const [isLong, setLong] = useState(false)
  const carried = useRef('')
  useLayoutEffect(() => {
    if (fieldRef.current !== null && carried.current !== '') fieldRef.current.value = carried.current
    carried.current = ''
  }, [isLong, fieldRef])
  const switchTo = (long: boolean, text: string) => {
    carried.current = text
    setLong(long)
  }
  const paste = (event: ClipboardEvent<HTMLInputElement>) => {
    const text = event.clipboardData.getData('text/plain').replace(/\r\n?/g, '\n')
    // One line end at its end is dropped, as from a pipe.
    if (!text.replace(/\n$/, '').includes('\n')) return
    event.preventDefault()
    const { value, selectionStart, selectionEnd } = event.currentTarget
    switchTo(true, value.slice(0, selectionStart ?? 0) + text + value.slice(selectionEnd ?? value.length))
    onTyped?.()
  }
  const setElement = (element: SecretElement | null) => { fieldRef.current = element }
  return (
    <div className={classes.field}>
      {isLong
        ? <Textarea {...notForManagers} ref={setElement} label={label} description={description} error={error} rows={6} classNames={{ input: classes.hidden! }} onInput={onTyped} />
        : <PasswordInput
            {...notForManagers} ref={setElement} label={label} description={description} error={error} onPaste={paste} onInput={onTyped}
            visibilityToggleFocusable visibilityToggleButtonProps={{ 'aria-label': 'Show or hide what is typed' }}
          />}
      <Checkbox size="xs" label="It has several lines" checked={isLong} onChange={({ currentTarget }) => switchTo(currentTarget.checked, fieldRef.current?.value ?? '')} />
    </div>
  )
}
