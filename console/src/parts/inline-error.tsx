import { type Problem } from '../data/problem.js'
import { Findings } from './findings.js'
import { OutsideText } from './outside-text.js'
import classes from './inline-error.module.css'

/** A refusal in the place where it was caused: what, and the mend. null shows nothing. */
export function InlineError({ problem, retry }: { problem: Problem | null; retry?: () => void }) {
  if (problem === null) return null
  const { code, field, message, mend, findings } = problem
  return (
    <div role="alert" className={classes.error}>
      <p><OutsideText>{message}</OutsideText></p>
      {mend !== null && <p><OutsideText>{mend}</OutsideText></p>}
      <Findings findings={findings} />
      <p className={classes.code}>{code}{field !== null && <>, <code><OutsideText>{field}</OutsideText></code></>}</p>
      {retry && <button type="button" className={classes.retry} onClick={retry}>Try again</button>}
    </div>
  )
}
