import { Button, TextInput } from '@mantine/core'
import { type ClipboardEvent, type KeyboardEvent, type ReactNode, useRef } from 'react'
import { OutsideText } from './outside-text.js'
import classes from './picker.module.css'

export interface Choice {
  id: string
  /** As it is called when it is chosen. */
  title: string
}

export interface PickerProps<Chosen extends Choice> {
  legend: string
  /** Said while nothing is chosen. */
  nothing: ReactNode
  chosen: readonly Chosen[]
  /** What stands for one that is chosen; left out: its title. */
  shown?: (choice: Chosen) => ReactNode
  label: string
  description: string
  search: string
  onSearch: (search: string) => void
  /** What can be added, the best first: Enter adds that. */
  found: readonly Chosen[]
  onAdd: (choice: Chosen) => void
  onRemove: (choice: Chosen) => void
  onPaste?: (event: ClipboardEvent<HTMLInputElement>) => void
  /** Below, e.g. findings. */
  children?: ReactNode
}

/** Several of something that is found by a part of its name: those that are chosen, each to be taken away, a field, and what it finds. */
export function Picker<Chosen extends Choice>({ legend, nothing, chosen, shown, label, description, search, onSearch, found, onAdd, onRemove, onPaste, children }: PickerProps<Chosen>) {
  const field = useRef<HTMLInputElement>(null)
  // The button that did it is gone with what it did: the keyboard goes on in the field.
  const then = (act: (choice: Chosen) => void) => (choice: Chosen) => {
    act(choice)
    field.current?.focus()
  }
  const add = then(onAdd)
  const remove = then(onRemove)
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.ctrlKey || event.metaKey) return
    // The form around it is not sent by a key that picks.
    event.preventDefault()
    if (search.trim() !== '' && found[0] !== undefined) onAdd(found[0])
  }
  return (
    <fieldset className={classes.picker}>
      <legend>{legend}</legend>
      {chosen.length === 0 && <p>{nothing}</p>}
      {chosen.length > 0 && (
        <ul className={classes.chosen} aria-label={`${legend}: chosen`}>
          {chosen.map((choice) => (
            <li key={choice.id}>
              <div>{shown === undefined ? <OutsideText>{choice.title}</OutsideText> : shown(choice)}</div>
              <Button size="compact-xs" variant="default" aria-label={`Take away ${choice.title}`} onClick={() => remove(choice)}>Take away</Button>
            </li>
          ))}
        </ul>
      )}
      <TextInput
        ref={field} label={label} description={description} value={search} autoComplete="off" spellCheck={false} onKeyDown={onKeyDown} onPaste={onPaste}
        onChange={({ currentTarget }) => onSearch(currentTarget.value)}
      />
      {found.length > 0 && (
        <ul className={classes.found} aria-label="To add">
          {found.map((choice) => <li key={choice.id}><Button size="compact-sm" variant="default" onClick={() => add(choice)}><span>Add <OutsideText>{choice.title}</OutsideText></span></Button></li>)}
        </ul>
      )}
      {children}
    </fieldset>
  )
}
