import { useState } from 'react'
import { useParams, useSearchParams } from 'react-router'
import { commandLineOf } from '../../../../src/core/definition-text.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { IntegrationDetailDocument, type IntegrationDetailQuery } from '../../generated/graphql.js'
import { Badge, ScopeBadge, StatusBadge, VisibilityBadge } from '../../parts/badge.js'
import { CodeBlock, JsonView } from '../../parts/code-block.js'
import { EmptyState } from '../../parts/empty-state.js'
import { Findings } from '../../parts/findings.js'
import { InlineError } from '../../parts/inline-error.js'
import { KeyValues } from '../../parts/key-values.js'
import { OutsideLines, OutsideLink, OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { RelativeTime } from '../../parts/relative-time.js'
import { Section } from '../../parts/section.js'
import { Pane, PaneLink } from '../../parts/workspace.js'
import { Actions } from './actions.js'
import { Availability } from '../../entries/availability.js'
import { ConnectionTest } from './connection-test.js'
import { type Done, DoneNotice } from '../../entries/done-notice.js'
import { History } from '../../entries/history.js'
import { Receipts } from '../../entries/receipts.js'
import { SecretsNeeded } from './secrets-needed.js'
import { Sessions } from '../../entries/sessions.js'
import { Tools } from './tools.js'
import { WhoUses } from '../../entries/who-uses.js'

export type Integration = NonNullable<IntegrationDetailQuery['mcpServer']>

export function IntegrationDetail() {
  const { id = '', scope = 'all' } = useParams()
  const [params] = useSearchParams()
  const { data, problem, isLoading, refresh } = useLiveQuery(IntegrationDetailDocument, { variables: { id }, topics: ['entries', 'approvals', 'policy'] })
  const back = { to: { pathname: `/integrations/${scope}`, search: params.toString() }, label: 'Integrations' }
  if (isLoading) return <p role="status">Loading…</p>
  const server = data?.mcpServer ?? null
  return (
    <>
      <InlineError problem={problem} retry={refresh} />
      {server !== null && <Found key={server.id} server={server} back={back} />}
      {server === null && problem === null && (
        <>
          <PageHeader title="Not there" back={back} />
          <EmptyState title="There is no MCP server of that id for you.">It may have been deleted, or is no longer shared with you.</EmptyState>
        </>
      )}
    </>
  )
}

function Found({ server, back }: { server: Integration; back: { to: { pathname: string; search: string }; label: string } }) {
  const viewer = useViewer()
  const isWritable = viewer.can('WRITE_ENTRIES', server.owner)
  const [done, setDone] = useState<Done | null>(null)
  return (
    <>
      <PageHeader
        title={server.name} back={back}
        badges={<><ScopeBadge owner={server.owner} viewerId={viewer.id} /><VisibilityBadge visibility={server.visibility} /><StatusBadge status={server.status} />{server.locked && <Badge title="Nobody's entry of the same name comes before it">locked</Badge>}</>}
        actions={isWritable ? <Actions server={server} onDone={setDone} /> : null}
      />
      {done !== null && <DoneNotice done={done} onDone={setDone} />}
      {server.description !== '' && <p><OutsideLines>{server.description}</OutsideLines></p>}
      {server.statusReason != null && <p><OutsideText>{server.statusReason}</OutsideText></p>}
      {!isWritable && <p>You can look at it, and not change it.</p>}
      <Section title="Definition">
        <Definition server={server} />
        <p><PaneLink name="mcp-json">As in .mcp.json</PaneLink></p>
        <Pane name="mcp-json" title="As in .mcp.json" of={server.name}><JsonView value={{ [server.name]: server.mcpJson }} label="Entry of .mcp.json" /></Pane>
      </Section>
      <Section title="Who can use it"><WhoUses entry={server} /></Section>
      <SecretsNeeded server={server} />
      <Section title="Can I use it?"><Availability name={server.name} entryId={server.id} /></Section>
      {server.status !== 'REVOKED' && <ConnectionTest server={server} />}
      {server.verdict.findings.length > 0 && <Section title="What the policy says"><Findings findings={server.verdict.findings} /></Section>}
      <Section title="Sessions that run it"><Sessions id={server.id} revision={server.revision} /></Section>
      <Section title="Tools it is held to"><Tools server={server} /></Section>
      {viewer.can('READ_HISTORY', server.owner) && <Section title="History"><History entry={server} onDone={isWritable && server.status !== 'REVOKED' ? setDone : undefined} /></Section>}
      {viewer.can('READ_STATUS', server.owner) && <Section title="Receipts"><Receipts id={server.id} /></Section>}
    </>
  )
}

function Definition({ server }: { server: Integration }) {
  const { transport, tools } = server
  const isRemote = transport.__typename === 'RemoteTransport'
  const line = isRemote ? null : commandLineOf('MCP_SERVER', { transport: { ...transport, kind: 'STDIO', env: {} } } as unknown as Parameters<typeof commandLineOf>[1])
  const named = (values: ReadonlyArray<{ name: string; value: string }>) => (values.length === 0 ? null : values.map(({ name, value }) => <div key={name}><code><OutsideText>{`${name}: ${value}`}</OutsideText></code></div>))
  return (
    <>
      {line !== null && <CodeBlock text={line} label="Command line" copy={line} />}
      <KeyValues
        rows={[
          ['Reached by', isRemote ? transport.kind : 'STDIO'],
          ['URL', isRemote ? <OutsideLink href={transport.url} /> : null],
          ['Headers', isRemote ? named(transport.headers) : null],
          ['Environment', isRemote ? null : named(transport.env)],
          ['Folder', !isRemote && transport.cwd != null ? <OutsideText>{transport.cwd}</OutsideText> : null],
          ['Tools', <OutsideText key="tools">{toolsText(tools)}</OutsideText>],
          ['Revision', <>{server.revision} <code title={server.digest}>{server.digest.replace(/^\w+:/, '').slice(0, 12)}</code></>],
          ['Changed', <>by <OutsideText>{server.updatedBy.displayName}</OutsideText>, <RelativeTime at={server.updatedAt} /></>],
          ['Created', <RelativeTime key="created" at={server.createdAt} />],
        ]}
      />
    </>
  )
}

function toolsText({ include, exclude }: Integration['tools']): string {
  const without = exclude.length === 0 ? '' : `, without ${exclude.join(', ')}`
  return `${include.length === 0 ? 'none' : include.includes('*') ? 'all' : include.join(', ')}${without}`
}
