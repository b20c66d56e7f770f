import { Button } from '@mantine/core'
import { Link } from 'react-router'
import { StatusBadge } from '../../parts/badge.js'
import { Findings } from '../../parts/findings.js'
import { OutsideText } from '../../parts/outside-text.js'
import { Section } from '../../parts/section.js'
import { type ImportedItem } from './pasted-list.js'
import classes from './add.module.css'

/** What became of each of several servers. */
export function Imported({ items, onAgain }: { items: readonly ImportedItem[]; onAgain: () => void }) {
  return (
    <Section title="Registered">
      <ul className={classes.pasted}>
        {items.map(({ name, outcome, entry, findings }, at) => (
          <li key={at}>
            <p className={classes.actions}>
              {entry === null ? <OutsideText>{name}</OutsideText> : <Link to={`/integrations/all/${entry.id}`}><OutsideText>{entry.name}</OutsideText></Link>}
              {outcome.toLowerCase()}{entry !== null && <StatusBadge status={entry.status} />}
            </p>
            <Findings findings={findings} />
          </li>
        ))}
      </ul>
      <div><Button variant="default" onClick={onAgain}>Add more</Button></div>
    </Section>
  )
}
