import { type TextInputProps } from '@mantine/core'
import { type Finding } from '../../data/problem.js'
import { Findings } from '../../parts/findings.js'
import { shownText } from '../../parts/shown-text.js'
import classes from './add.module.css'

/** What stands below a field: findings as its error, or as its description when none of them refuses; and what nobody would see in its value. */
export function fieldProps(findings: readonly Finding[], isRefused: boolean, value = ''): Pick<TextInputProps, 'error' | 'errorProps' | 'description' | 'descriptionProps' | 'inputWrapperOrder'> {
  const shown = value.split('\n').map(shownText).join('\n')
  const hidden = shown === value ? null : <p className={classes.hidden}>With what is hidden in it: <code>{shown}</code></p>
  const said = findings.length === 0 ? null : <Findings findings={findings} isOfOneField />
  // Below the input, and in a <div>: a list is no part of a paragraph.
  const below = {
    inputWrapperOrder: ['label', 'input', 'description', 'error'], errorProps: { component: 'div' }, descriptionProps: { component: 'div' },
  } as Pick<TextInputProps, 'descriptionProps' | 'errorProps' | 'inputWrapperOrder'>
  if (isRefused) return { ...below, error: said, description: hidden }
  return { ...below, description: said === null && hidden === null ? null : <div className={classes.note}>{said}{hidden}</div> }
}
