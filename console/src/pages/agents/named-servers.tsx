import { Link } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { NamedServerDocument } from '../../generated/graphql.js'
import { Badge, ScopeBadge } from '../../parts/badge.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import classes from './agents.module.css'

/** More names than an agent may have are not asked for. */
const most = 50

/** What each name stands for in the viewer's own sessions: there, or why not. */
export function NamedServers({ names }: { names: readonly string[] }) {
  const each = [...new Set(names)].slice(0, most)
  if (each.length === 0) return null
  return <ul className={classes.servers} aria-label="MCP servers that it names">{each.map((name) => <li key={name}><NamedServer name={name} /></li>)}</ul>
}

/** One of them, and why not where it is not there. */
export function NamedServer({ name }: { name: string }) {
  const viewer = useViewer()
  const { data, problem } = useLiveQuery(NamedServerDocument, { variables: { name }, topics: ['entries', 'approvals', 'policy', 'secrets', 'people'] })
  const found = data?.explainAvailability
  const missing = found?.steps.find(({ passed }) => !passed)
  const shown = <OutsideText>{name}</OutsideText>
  return (
    <div className={classes.server}>
      <strong>{found?.entry == null ? shown : <Link to={`/integrations/all/${found.entry.id}`}>{shown}</Link>}</strong>
      {found?.entry != null && <ScopeBadge owner={found.entry.owner} viewerId={viewer.id} />}
      {found !== undefined && <Badge tone={found.available ? 'good' : 'warn'}>{found.available ? 'available to you' : 'not available to you'}</Badge>}
      {found?.available === false && missing !== undefined && <span className={classes.reason}><OutsideText>{missing.reason}</OutsideText></span>}
      {found === undefined && (problem === null ? <span role="status">Looking…</span> : <InlineError problem={problem} />)}
    </div>
  )
}
