import { useNavigate, useParams } from 'react-router'
import { type Topic } from '../../data/live.js'
import { ownerOfScope } from '../../data/scope.js'
import { useAction } from '../../data/use-action.js'
import { useViewer } from '../../data/viewer.js'
import { AddAgentDocument } from '../../generated/graphql.js'
import { PageHeader } from '../../parts/page-header.js'
import { afterSaving } from '../../parts/unsaved-guard.js'
import { type AgentDraft, emptyDraft, registerInputOf } from './agent-draft.js'
import { AgentForm } from './agent-form.js'

const changed: readonly Topic[] = ['entries', 'approvals', 'workers']

export function AddAgent() {
  const { scope = 'all' } = useParams()
  const viewer = useViewer()
  const navigate = useNavigate()
  const { run, isRunning, problem } = useAction(AddAgentDocument, changed)
  const isWritable = viewer.owners.some((owner) => viewer.can('WRITE_ENTRIES', owner) && ownerOfScope(scope)?.kind === owner.kind && (owner.kind !== 'TEAM' || scope === `team:${owner.id}`))
  const save = async (draft: AgentDraft) => {
    const added = await run({ input: registerInputOf(draft) })
    if (added !== null) await navigate(`/agents/${scope}/${added.registerAgent.agent.id}`, afterSaving)
  }
  return (
    <>
      <PageHeader title="Add an agent" back={{ to: `/agents/${scope}`, label: 'Agents' }} />
      <AgentForm
        start={emptyDraft(isWritable ? scope : 'me')} entryId={null} owner={null} label="Add" progress="Adding…" isRunning={isRunning} problem={problem}
        cancelTo={`/agents/${scope}`} onSave={(draft) => void save(draft)}
      />
    </>
  )
}
