import { type TextInputProps } from '@mantine/core'
import { type Finding } from '../data/problem.js'
import { Findings } from '../parts/findings.js'
import { shownText } from '../parts/shown-text.js'
import classes from './entries.module.css'

type Shown = Pick<TextInputProps, 'error' | 'errorProps' | 'description' | 'descriptionProps' | 'inputWrapperOrder'>

/** What stands below a field: a hint, what refuses it as its error, what waits for an approval or is worth knowing as its description, and what nobody would see in its value. */
export function fieldProps(findings: readonly Finding[], value = '', hint: string | null = null): Shown {
  const shown = value.split('\n').map(shownText).join('\n')
  const hidden = shown === value ? null : <p className={classes.hidden}>With what is hidden in it: <code>{shown}</code></p>
  const refusing = findings.filter(({ effect }) => effect === 'DENY')
  const others = findings.filter(({ effect }) => effect !== 'DENY')
  const isNoted = others.length > 0 || (hidden !== null && refusing.length === 0)
  // Below the input, and in a <div>: a list is no part of a paragraph.
  const below = { inputWrapperOrder: ['label', 'input', 'description', 'error'], errorProps: { component: 'div' }, descriptionProps: { component: 'div' } } as Shown
  return {
    ...below,
    error: refusing.length === 0 ? null : <Findings findings={refusing} isOfOneField />,
    description: hint === null && hidden === null && !isNoted ? null : <>{hint}{isNoted ? <div className={classes.fieldNote}><Findings findings={others} isOfOneField />{hidden}</div> : hidden}</>,
  }
}
