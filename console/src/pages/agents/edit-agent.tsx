import { Button } from '@mantine/core'
import { useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { definitionText } from '../../../../src/core/definition-text.js'
import { type Topic } from '../../data/live.js'
import { useAction } from '../../data/use-action.js'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useViewer } from '../../data/viewer.js'
import { AgentDetailDocument, type AgentPartsFragment, SaveAgentDocument } from '../../generated/graphql.js'
import { DiffView, unifiedDiff } from '../../parts/diff-view.js'
import { EmptyState } from '../../parts/empty-state.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { PageHeader } from '../../parts/page-header.js'
import { afterSaving } from '../../parts/unsaved-guard.js'
import { type AgentDraft, draftOf, updateInputOf } from './agent-draft.js'
import { AgentForm } from './agent-form.js'
import classes from './agents.module.css'

const changed: readonly Topic[] = ['entries', 'approvals', 'workers', 'revocations']

export function EditAgent() {
  const { id = '', scope = 'all' } = useParams()
  const { data, problem, isLoading } = useLiveQuery(AgentDetailDocument, { variables: { id }, topics: ['entries'] })
  const back = { to: `/agents/${scope}/${id}`, label: 'Agent' }
  if (isLoading) return <p role="status">Loading…</p>
  const agent = data?.agent ?? null
  if (agent !== null) return <Editor key={agent.id} agent={agent} back={back} />
  return (
    <>
      <InlineError problem={problem} />
      {problem === null && <><PageHeader title="Not there" back={back} /><EmptyState title="There is no agent of that id for you." /></>}
    </>
  )
}

type Agent = AgentPartsFragment & { updatedBy: { displayName: string } }

function Editor({ agent, back }: { agent: Agent; back: { to: string; label: string } }) {
  const viewer = useViewer()
  const navigate = useNavigate()
  // What is typed is a change of this revision, whatever others save meanwhile.
  const [base, setBase] = useState(agent.revision)
  const [start] = useState(() => draftOf(agent, viewer.id))
  const { run, isRunning, problem, reset } = useAction(SaveAgentDocument, changed)
  const save = async (draft: AgentDraft) => {
    if (await run({ input: updateInputOf(draft, agent.id, base) }) !== null) await navigate(back.to, afterSaving)
  }
  const keepMine = () => {
    reset()
    setBase(agent.revision)
  }
  return (
    <>
      <PageHeader title={`Change ${agent.name}`} heading={<>Change <OutsideText>{agent.name}</OutsideText></>} back={back} />
      <AgentForm
        start={start} entryId={agent.id} owner={agent.owner} label="Save" progress="Saving…" isRunning={isRunning} problem={problem} cancelTo={back.to}
        onSave={(draft) => void save(draft)}
        notice={(draft) => (agent.revision === base ? null : <ChangedMeanwhile agent={agent} draft={draft} viewerId={viewer.id} keepMine={keepMine} />)}
      />
    </>
  )
}

/** Nothing of either is lost: both are shown, and who edits decides. */
function ChangedMeanwhile({ agent, draft, viewerId, keepMine }: { agent: Agent; draft: AgentDraft; viewerId: string; keepMine: () => void }) {
  return (
    <div role="status" className={classes.notice}>
      <p><OutsideText>{agent.updatedBy.displayName}</OutsideText> saved revision {agent.revision} meanwhile. This is what yours would change of it:</p>
      <DiffView diff={unifiedDiff(definitionText(draftOf(agent, viewerId)), definitionText(draft))} label="What yours would change" />
      <div><Button variant="default" onClick={keepMine}>Save mine over it</Button></div>
    </div>
  )
}
