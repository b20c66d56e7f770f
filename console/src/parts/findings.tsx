import { type Finding } from '../data/problem.js'
import { type FindingEffect } from '../generated/graphql.js'
import { Badge, type Tone } from './badge.js'
import { OutsideText } from './outside-text.js'
import classes from './findings.module.css'

const effects: Record<FindingEffect, [tone: Tone, word: string]> = { DENY: ['bad', 'refused'], NEEDS_APPROVAL: ['warn', 'needs approval'], WARN: ['quiet', 'note'] }

/**
 * What rules say, each with what it makes of it: refused, needs approval, or a note that stands in the way of nothing. Below one field of a form, pass
 * those of `findingsAt(findings, field)` and `isOfOneField`; without it each names its field. Shows nothing when there are none.
 */
export function Findings({ findings, isOfOneField = false }: { findings: readonly Finding[]; isOfOneField?: boolean }) {
  if (findings.length === 0) return null
  return (
    <ul className={classes.findings} aria-label="Findings">
      {findings.map(({ rule, effect, field, message, mend }, at) => {
        const [tone, word] = effects[effect]
        return (
          <li key={`${rule} ${field} ${at}`}>
            <Badge tone={tone}>{word}</Badge>{' '}
            {!isOfOneField && <><code><OutsideText>{field}</OutsideText></code>: </>}
            <OutsideText>{message}</OutsideText>
            {mend ? <> <OutsideText>{mend}</OutsideText></> : null} <span className={classes.rule}>({rule})</span>
          </li>
        )
      })}
    </ul>
  )
}
