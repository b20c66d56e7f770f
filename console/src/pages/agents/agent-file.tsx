import { Button } from '@mantine/core'
import { useLiveQuery } from '../../data/use-live-query.js'
import { AgentFileDocument } from '../../generated/graphql.js'
import { CodeBlock } from '../../parts/code-block.js'
import { InlineError } from '../../parts/inline-error.js'
import { Pane, PaneLink } from '../../parts/workspace.js'

/** The agent as an `.agent.md`, asked for when it is opened: to copy, or to keep as a file. */
export function AgentFile({ id, name }: { id: string; name: string }) {
  return (
    <>
      <p><PaneLink name="agent-md">As an .agent.md</PaneLink></p>
      <Pane name="agent-md" title="As an .agent.md" of={name}><Opened id={id} name={name} /></Pane>
    </>
  )
}

function Opened({ id, name }: { id: string; name: string }) {
  const { data, problem } = useLiveQuery(AgentFileDocument, { variables: { id }, topics: ['entries'] })
  const text = data?.agent?.agentMd
  if (text === undefined) return problem === null ? <p role="status">Loading…</p> : <InlineError problem={problem} />
  return (
    <>
      <CodeBlock text={text} label={`${name}.agent.md`} copy={text} />
      <div><Button variant="default" size="compact-sm" onClick={() => saveAs(text, `${name}.agent.md`)}>Save as a file</Button></div>
    </>
  )
}

/** Hands the browser a file that is nowhere but here. */
function saveAs(text: string, fileName: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  URL.revokeObjectURL(url)
}
