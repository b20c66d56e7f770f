import { useLiveQuery } from '../../data/use-live-query.js'
import { AuditChainStateDocument } from '../../generated/graphql.js'
import { Badge } from '../../parts/badge.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import classes from './audit.module.css'

const holds: Record<string, string> = { changes: 'Changes', access: 'Denials and looks' }

/** Whether the newest rows of both chains are as they were written. */
export function ChainState() {
  const { data, problem, refresh } = useLiveQuery(AuditChainStateDocument, { variables: {}, topics: ['audit'] })
  if (data === undefined) return problem === null ? <p role="status" className={classes.chains}>Checking the chains…</p> : <InlineError problem={problem} retry={refresh} />
  return (
    <div className={classes.chains}>
      <ul aria-label="State of the chains">
        {data.auditChains.map(({ name, checked, broken }) => (
          <li key={name}>
            {holds[name] ?? name}: {broken == null
              ? <><Badge tone="good">as written</Badge> {checked === 0 ? 'none yet' : `newest ${checked} checked`}</>
              : <><Badge tone="bad">touched</Badge> <strong role="alert">row {broken.sequence}: <OutsideText>{broken.reason}</OutsideText></strong></>}
          </li>
        ))}
      </ul>
      <p>Check all of them yourself: <code>pilothouse audit verify</code></p>
    </div>
  )
}
