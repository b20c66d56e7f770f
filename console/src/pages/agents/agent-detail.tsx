import { Button } from '@mantine/core'
import { useState } from 'react'
import { Link, useParams, useSearchParams } from 'react-router'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { AgentDetailDocument, type AgentDetailQuery } from '../../generated/graphql.js'
import { Badge, ScopeBadge, StatusBadge, VisibilityBadge } from '../../parts/badge.js'
import { EmptyState } from '../../parts/empty-state.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideLines, OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { Availability } from '../../entries/availability.js'
import { type Done, DoneNotice } from '../../entries/done-notice.js'
import { EntryActs } from '../../entries/entry-acts.js'
import { History } from '../../entries/history.js'
import { Receipts } from '../../entries/receipts.js'
import { Sessions } from '../../entries/sessions.js'
import { ShareButton } from '../../entries/share-button.js'
import { WhoUses } from '../../entries/who-uses.js'
import { AgentFile } from './agent-file.js'
import { NamedServers } from './named-servers.js'
import { Prompt } from './prompt.js'

type Agent = NonNullable<AgentDetailQuery['agent']>

export function AgentDetail() {
  const { id = '', scope = 'all' } = useParams()
  const [params] = useSearchParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(AgentDetailDocument, { variables: { id }, topics: ['entries', 'approvals', 'policy'] })
  const back = { to: { pathname: `/agents/${scope}`, search: params.toString() }, label: 'Agents' }
  if (isLoading) return <p role="status">Loading…</p>
  const agent = data?.agent ?? null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {agent !== null && <Found key={agent.id} agent={agent} back={back} />}
      {agent === null && problem === null && (
        <>
          <PageHeader title="Not there" back={back} />
          <EmptyState title="There is no agent of that id for you.">It may have been deleted, or is no longer shared with you.</EmptyState>
        </>
      )}
    </>
  )
}

function Found({ agent, back }: { agent: Agent; back: { to: { pathname: string; search: string }; label: string } }) {
  const viewer = useViewer()
  const { scope = 'all' } = useParams()
  const [done, setDone] = useState<Done | null>(null)
  const mayWrite = viewer.can('WRITE_ENTRIES', agent.owner)
  const isWritable = mayWrite && agent.status !== 'REVOKED'
  return (
    <>
      <PageHeader
        title={agent.name} back={back}
        badges={<><ScopeBadge owner={agent.owner} viewerId={viewer.id} /><VisibilityBadge visibility={agent.visibility} /><StatusBadge status={agent.status} />{agent.locked && <Badge title="Nobody's agent of the same name comes before it">locked</Badge>}</>}
        actions={mayWrite && <>{isWritable && <Button component={Link} to={`/agents/${scope}/${agent.id}/edit`} variant="default">Change</Button>}{isWritable && <ShareButton entry={{ ...agent, kind: 'AGENT' }} onDone={setDone} />}<EntryActs entry={agent} onDone={setDone} /></>}
      />
      {done !== null && <DoneNotice done={done} onDone={setDone} />}
      {agent.description !== '' && <p><OutsideLines>{agent.description}</OutsideLines></p>}
      {agent.statusReason != null && <p><OutsideText>{agent.statusReason}</OutsideText></p>}
      {agent.approval != null && <p><Link to={`/approvals/${agent.approval.id}`}>Its approval</Link></p>}
      <Section title="MCP servers that it names">
        {agent.mcpServers.length === 0 ? <p>None.</p> : <NamedServers names={agent.mcpServers} />}
        {agent.inheritDefaultMcpServers && <p>And the servers that are marked as default.</p>}
      </Section>
      <Section title="Who can use it"><WhoUses entry={agent} /></Section>
      <Section title="Can I use it?"><Availability kind="AGENT" name={agent.name} entryId={agent.id} /></Section>
      {agent.verdict.findings.length > 0 && <Section title="What the policy says"><Findings findings={agent.verdict.findings} /></Section>}
      <Section title="Sessions that run it"><Sessions id={agent.id} revision={agent.revision} agentName={agent.name} /></Section>
      <Section title="Prompt"><Prompt name={agent.name} text={agent.prompt} /></Section>
      <Section title="More"><More agent={agent} /><AgentFile id={agent.id} name={agent.name} /></Section>
      {viewer.can('READ_HISTORY', agent.owner) && <Section title="History"><History entry={agent} onDone={isWritable ? setDone : undefined} /></Section>}
      {viewer.can('READ_STATUS', agent.owner) && <Section title="Receipts"><Receipts id={agent.id} /></Section>}
    </>
  )
}

function More({ agent }: { agent: Agent }) {
  const { tools } = agent
  return (
    <KeyValues
      rows={[
        ['Tools', tools == null ? 'the runtime decides' : tools.length === 0 ? 'none' : <OutsideText key="tools">{tools.join(', ')}</OutsideText>],
        ['Skills', agent.skills.length === 0 ? null : <OutsideText key="skills">{agent.skills.join(', ')}</OutsideText>],
        ['Model', agent.model == null ? 'the runtime decides' : <OutsideText key="model">{agent.model}</OutsideText>],
        ['Revision', <>{agent.revision} <code title={agent.digest}>{agent.digest.replace(/^\w+:/, '').slice(0, 12)}</code></>],
        ['Changed', <>by <OutsideText>{agent.updatedBy.displayName}</OutsideText>, <RelativeTime at={agent.updatedAt} /></>],
        ['Created', <RelativeTime key="created" at={agent.createdAt} />],
      ]}
    />
  )
}
