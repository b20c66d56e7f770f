import { Button, TextInput } from '@mantine/core'
import { Findings } from '../../parts/findings.js'
import { fieldProps } from '../../entries/field-props.js'
import { type Findings as PlacedFindings } from './place-findings.js'
import { useRowFocus } from './use-row-focus.js'
import classes from './add.module.css'

export interface TextRowsProps {
  label: string
  hint?: string
  /** One of them: "Argument". */
  item: string
  values: readonly string[]
  /** Of the whole list in the form's terms: `args`. */
  field: string
  findings: PlacedFindings
  onChange: (values: string[]) => void
}

/** A list of texts, one field each: exactly what is sent, with nothing to quote. */
export function TextRows({ label, hint, item, values, field, findings, onChange }: TextRowsProps) {
  const { list, add, onAdd, onRemove } = useRowFocus(values.length)
  return (
    <fieldset className={classes.rows}>
      <legend>{label}</legend>
      {hint !== undefined && <p className={classes.hint}>{hint}</p>}
      <ul ref={list}>
        {values.map((value, at) => (
          <li key={at} className={classes.row}>
            <TextInput
              aria-label={`${item} ${at + 1}`} value={value} autoComplete="off" spellCheck={false} {...fieldProps(findings(`${field}.${at}`), value)}
              onChange={({ currentTarget }) => onChange(values.with(at, currentTarget.value))}
            />
            <Button variant="default" aria-label={`Remove ${item.toLowerCase()} ${at + 1}`} onClick={() => { onChange(values.toSpliced(at, 1)); onRemove() }}>Remove</Button>
          </li>
        ))}
      </ul>
      <Findings findings={findings(field)} isOfOneField />
      <Button ref={add} variant="default" size="compact-sm" className={classes.add} onClick={() => { onChange([...values, '']); onAdd() }}>Add {item.toLowerCase()}</Button>
    </fieldset>
  )
}
