import { type Finding } from '../../data/problem.js'
import { OutsideText } from '../../parts/outside-text.js'
import { Section } from '../../parts/section.js'
import { type CheckedPolicy, placeOfField } from './check-policy.js'
import classes from './policy.module.css'

export interface PolicyFindingsProps {
  id: string
  checked: CheckedPolicy
  isChanged: boolean
  onJump: (at: number) => void
}

/** What is wrong with what is typed, each with the line it is in. */
export function PolicyFindings({ id, checked: { document, findings }, isChanged, onJump }: PolicyFindingsProps) {
  return (
    <div id={id} role="status">
      {document !== null && isChanged && <p className={classes.fine}>Nothing is wrong with its form. Simulate it to see what changes.</p>}
      {findings.length > 0 && (
        <ul className={classes.findings} aria-label="What is wrong">
          {findings.map((finding, at) => (
            <li key={at}><button type="button" className={classes.jump} onClick={() => onJump(finding.at)}>Line {finding.line}</button> <Said finding={finding} /></li>
          ))}
        </ul>
      )}
    </div>
  )
}

/** What of the saved document does not do what it seems to say. `text`: as it stands in the editor; null: that is another one by now, so no lines are named. */
export function PolicyWarnings({ warnings, text, onJump }: { warnings: readonly Finding[]; text: string | null; onJump: (line: number) => void }) {
  if (warnings.length === 0) return null
  return (
    <Section title="Warnings of the saved one">
      <ul className={classes.findings} aria-label="Warnings">
        {warnings.map((warning, at) => {
          const line = text === null ? null : placeOfField(text, warning.field)
          return <li key={at}>{line !== null && <><button type="button" className={classes.jump} onClick={() => onJump(line)}>Line {line}</button> </>}<Said finding={warning} /></li>
        })}
      </ul>
    </Section>
  )
}

function Said({ finding: { rule, field, message, mend } }: { finding: Omit<Finding, 'effect'> }) {
  return <><code><OutsideText>{field}</OutsideText></code>: <OutsideText>{message}</OutsideText>{mend ? <> <OutsideText>{mend}</OutsideText></> : null} <span className={classes.note}>({rule})</span></>
}
