import { Checkbox, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { type Finding, findingsAt } from '../../data/problem.js'
import { scopeOf, scopeTitle } from '../../data/scope.js'
import { useSettled } from '../../data/use-settled.js'
import { type NamedOwner, useViewer } from '../../data/viewer.js'
import { fieldProps } from '../../entries/field-props.js'
import { ShareFields } from '../../entries/share-fields.js'
import { type ApplyMoment } from '../../generated/graphql.js'
import { Findings } from '../../parts/findings.js'
import { shownText } from '../../parts/shown-text.js'
import { type AgentDraft, type ToolsMode } from './agent-draft.js'
import { PromptPreview } from './prompt-preview.js'
import { ServerNames } from './server-names.js'
import classes from './agents.module.css'

export interface AgentFieldsProps {
  draft: AgentDraft
  change: (part: Partial<AgentDraft>) => void
  findings: readonly Finding[]
  /** As `draft.owner` says. */
  owner: NamedOwner
  isNew: boolean
}

const moments: Record<ApplyMoment, string> = { NOW: 'At once', NEXT_TURN: 'At the next turn', NEXT_SESSION: 'In new sessions' }
const toolsModes: Record<ToolsMode, string> = { RUNTIME: 'The runtime decides', ONLY: 'These alone', NONE: 'None' }
const options = <Value extends string>(labels: Record<Value, string>) => Object.entries<string>(labels).map(([value, label]) => ({ value, label }))

/** Every field of an agent, each with what the rules say of it below. */
export function AgentFields({ draft, change, findings, owner, isNew }: AgentFieldsProps) {
  const viewer = useViewer()
  const owners = viewer.owners.filter((owner) => viewer.can('WRITE_ENTRIES', owner))
  const said = (field: string, value?: string, hint?: string) => fieldProps(findingsAt(findings, field), value, hint)
  const text = (field: 'name' | 'description' | 'model' | 'skills' | 'tools' | 'prompt', hint?: string) => ({
    value: draft[field],
    // What is hidden in a prompt its preview shows.
    ...said(field === 'name' ? field : `definition.${field}`, field === 'prompt' ? '' : draft[field], hint),
    onChange: ({ currentTarget }: { currentTarget: { value: string } }) => change({ [field]: currentTarget.value }),
  })
  return (
    <div className={classes.fields}>
      {isNew && (
        <NativeSelect
          label="Whose" value={draft.owner} {...said('owner')} data={owners.map((owner) => ({ value: scopeOf(owner, viewer.id), label: shownText(scopeTitle(owner, viewer.id)) }))}
          onChange={({ currentTarget }) => change({ owner: currentTarget.value, visibility: currentTarget.value === 'deployment' ? 'PUBLIC' : 'PRIVATE', audience: [], locked: false })}
        />
      )}
      <TextInput label="Name" required {...text('name', 'Small letters, digits, - and _; at most 40.')} spellCheck={false} autoComplete="off" />
      <TextInput label="Description" {...text('description', 'When to pick it.')} />
      <div className={classes.prompt}>
        <Textarea label="Prompt" required rows={14} {...text('prompt', 'Markdown.')} classNames={{ input: classes.mono }} />
        <Preview prompt={draft.prompt} />
      </div>
      <ServerNames names={draft.mcpServers} onChange={(mcpServers) => change({ mcpServers })}><Findings findings={findingsAt(findings, 'definition.mcpServers')} isOfOneField /></ServerNames>
      <Checkbox label="Also the servers that are marked as default" checked={draft.inheritDefaultMcpServers} onChange={({ currentTarget }) => change({ inheritDefaultMcpServers: currentTarget.checked })} />
      <NativeSelect label="Tools" value={draft.toolsMode} data={options(toolsModes)} onChange={({ currentTarget }) => change({ toolsMode: currentTarget.value as ToolsMode })} {...(draft.toolsMode === 'ONLY' ? {} : said('definition.tools'))} />
      {draft.toolsMode === 'ONLY' && <Textarea label="Names of tools" rows={3} {...text('tools', 'One a line.')} classNames={{ input: classes.mono }} />}
      <Textarea label="Skills" rows={2} {...text('skills', 'Names, one a line.')} classNames={{ input: classes.mono }} />
      <TextInput label="Model" {...text('model', 'Empty: the runtime decides.')} />
      <ShareFields owner={owner} sharing={draft} findings={(field) => findingsAt(findings, field)} onChange={change} />
      <Lock {...{ draft, change, findings }} />
      <NativeSelect label="Running sessions take changes" value={draft.apply} data={options(moments)} onChange={({ currentTarget }) => change({ apply: currentTarget.value as ApplyMoment })} {...said('apply')} />
    </div>
  )
}

function Preview({ prompt }: { prompt: string }) {
  const settled = useSettled(prompt)
  return settled.trim() === '' ? <p className={classes.count}>A preview of the prompt shows here.</p> : <PromptPreview prompt={settled} />
}

/** For teams and the deployment: nobody narrower takes the name. */
function Lock({ draft, change, findings }: Pick<AgentFieldsProps, 'draft' | 'change' | 'findings'>) {
  if (draft.owner === 'me' || draft.owner.startsWith('user:')) return null
  return (
    <div>
      <Checkbox label="Locked: no narrower owner's agent takes its name" checked={draft.locked} onChange={({ currentTarget }) => change({ locked: currentTarget.checked })} />
      <Findings findings={findingsAt(findings, 'locked')} isOfOneField />
    </div>
  )
}
