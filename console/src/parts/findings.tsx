import { type Finding } from '../data/problem.js'
import { OutsideText } from './outside-text.js'
import classes from './findings.module.css'

/**
 * What rules say. Below one field of a form, pass those of `findingsAt(findings, field)` and `isOfOneField`; without it each names its field.
 * Shows nothing when there are none.
 */
export function Findings({ findings, isOfOneField = false }: { findings: readonly Finding[]; isOfOneField?: boolean }) {
  if (findings.length === 0) return null
  return (
    <ul className={classes.findings} aria-label="Findings">
      {findings.map(({ rule, field, message, mend }, at) => (
        <li key={`${rule} ${field} ${at}`}>
          {!isOfOneField && <><code><OutsideText>{field}</OutsideText></code>: </>}
          <OutsideText>{message}</OutsideText>
          {mend ? <> <OutsideText>{mend}</OutsideText></> : null} <span className={classes.rule}>({rule})</span>
        </li>
      ))}
    </ul>
  )
}
