import { Checkbox, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { type ReactNode } from 'react'
import { type Finding, findingsAt } from '../../data/problem.js'
import { scopeOf, scopeTitle } from '../../data/scope.js'
import { useSettled } from '../../data/use-settled.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { type ApplyMoment, type Visibility } from '../../generated/graphql.js'
import { Findings } from '../../parts/findings.js'
import { type AgentDraft, namesIn, type ToolsMode } from './agent-draft.js'
import { NamedServers } from './named-servers.js'
import { PromptPreview } from './prompt-preview.js'
import classes from './agents.module.css'

export interface AgentFieldsProps {
  draft: AgentDraft
  change: (part: Partial<AgentDraft>) => void
  findings: readonly Finding[]
  /** Of what is edited, those that it is shared with already. */
  audience: readonly NamedOwner[]
  isNew: boolean
}

const visibilities: Record<Visibility, string> = { PRIVATE: 'Its owner alone', SHARED: 'Its owner, and teams or people', PUBLIC: 'Everybody' }
const moments: Record<ApplyMoment, string> = { NOW: 'At once', NEXT_TURN: 'At the next turn', NEXT_SESSION: 'In new sessions' }
const toolsModes: Record<ToolsMode, string> = { RUNTIME: 'The runtime decides', ONLY: 'These alone', NONE: 'None' }
const options = <Value extends string>(labels: Record<Value, string>) => Object.entries<string>(labels).map(([value, label]) => ({ value, label }))

/** Every field of an agent, each with what the rules say of it below. */
export function AgentFields({ draft, change, findings, audience, isNew }: AgentFieldsProps) {
  const viewer = useViewer()
  const error = (field: string): ReactNode => {
    const found = findingsAt(findings, field)
    return found.length === 0 ? undefined : <Findings findings={found} isOfOneField />
  }
  const owners = viewer.owners.filter((owner) => viewer.can('WRITE_ENTRIES', owner))
  const text = (field: 'name' | 'description' | 'model' | 'mcpServers' | 'skills' | 'tools' | 'prompt') => ({
    value: draft[field], onChange: ({ currentTarget }: { currentTarget: { value: string } }) => change({ [field]: currentTarget.value }),
  })
  return (
    <div className={classes.fields}>
      {isNew && (
        <NativeSelect
          label="Whose" value={draft.owner} error={error('owner')} data={owners.map((owner) => ({ value: scopeOf(owner, viewer.id), label: scopeTitle(owner, viewer.id) }))}
          onChange={({ currentTarget }) => change({ owner: currentTarget.value, visibility: currentTarget.value === 'deployment' ? 'PUBLIC' : 'PRIVATE', audience: [], locked: false })}
        />
      )}
      <TextInput label="Name" description="Small letters, digits, - and _; at most 40." required {...text('name')} error={error('name')} spellCheck={false} autoComplete="off" />
      <TextInput label="Description" description="When to pick it." {...text('description')} error={error('definition.description')} />
      <div className={classes.prompt}>
        <Textarea label="Prompt" description="Markdown." required rows={14} {...text('prompt')} error={error('definition.prompt')} classNames={{ input: classes.mono }} />
        <Preview prompt={draft.prompt} />
      </div>
      <Textarea label="MCP servers" description="Names, one a line; each is looked up in the set of whoever runs the agent." rows={3} {...text('mcpServers')} error={error('definition.mcpServers')} classNames={{ input: classes.mono }} />
      <Servers text={draft.mcpServers} />
      <Checkbox label="Also the servers that are marked as default" checked={draft.inheritDefaultMcpServers} onChange={({ currentTarget }) => change({ inheritDefaultMcpServers: currentTarget.checked })} />
      <NativeSelect label="Tools" value={draft.toolsMode} data={options(toolsModes)} onChange={({ currentTarget }) => change({ toolsMode: currentTarget.value as ToolsMode })} error={error('definition.tools')} />
      {draft.toolsMode === 'ONLY' && <Textarea label="Names of tools" description="One a line." rows={3} {...text('tools')} classNames={{ input: classes.mono }} />}
      <Textarea label="Skills" description="Names, one a line." rows={2} {...text('skills')} error={error('definition.skills')} classNames={{ input: classes.mono }} />
      <TextInput label="Model" description="Empty: the runtime decides." {...text('model')} error={error('definition.model')} />
      <Reach {...{ draft, change, audience }} error={error} />
      <NativeSelect label="Running sessions take changes" value={draft.apply} data={options(moments)} onChange={({ currentTarget }) => change({ apply: currentTarget.value as ApplyMoment })} error={error('apply')} />
    </div>
  )
}

function Preview({ prompt }: { prompt: string }) {
  const settled = useSettled(prompt)
  return settled.trim() === '' ? <p className={classes.count}>A preview of the prompt shows here.</p> : <PromptPreview prompt={settled} />
}

function Servers({ text }: { text: string }) {
  return <NamedServers names={namesIn(useSettled(text))} />
}

function Reach({ draft, change, audience, error }: Pick<AgentFieldsProps, 'draft' | 'change' | 'audience'> & { error: (field: string) => ReactNode }) {
  const viewer = useViewer()
  const mayBePublic = viewer.isAdmin || draft.visibility === 'PUBLIC'
  const choices = options(visibilities).filter(({ value }) => value !== 'PUBLIC' || mayBePublic)
  const teams: NamedOwner[] = viewer.owners.filter((owner) => owner.kind === 'TEAM' && viewer.can('WRITE_ENTRIES', owner))
  const known = [...new Map([...audience, ...teams].map((owner) => [scopeOf(owner, viewer.id), owner]))].filter(([scope]) => scope !== draft.owner)
  const set = (scope: string, isIn: boolean) => change({ audience: [...draft.audience.filter((one) => one !== scope), ...(isIn ? [scope] : [])] })
  return (
    <>
      <NativeSelect label="Who uses it" value={draft.visibility} data={choices} onChange={({ currentTarget }) => change({ visibility: currentTarget.value as Visibility })} error={error('visibility')} />
      {draft.visibility === 'SHARED' && (
        <fieldset className={classes.group}>
          <legend>Shared with</legend>
          {known.map(([scope, owner]) => <Checkbox key={scope} label={`${owner.kind.toLowerCase()} ${owner.displayName}`} checked={draft.audience.includes(scope)} onChange={({ currentTarget }) => set(scope, currentTarget.checked)} />)}
          {known.length === 0 && <p>There is no other team that you maintain.</p>}
          {error('audience')}
        </fieldset>
      )}
      {draft.owner !== 'me' && !draft.owner.startsWith('user:') && (
        <Checkbox label="Locked: no narrower owner's agent takes its name" checked={draft.locked} onChange={({ currentTarget }) => change({ locked: currentTarget.checked })} error={error('locked')} />
      )}
    </>
  )
}
