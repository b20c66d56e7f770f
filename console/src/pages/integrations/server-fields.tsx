import { type NamedOwner } from '../../data/viewer.js'
import { Radio, Textarea, TextInput } from '@mantine/core'
import { type TransportKind } from '../../generated/graphql.js'
import { Findings } from '../../parts/findings.js'
import { fieldProps } from '../../entries/field-props.js'
import { PairRows } from './pair-rows.js'
import { namePart } from './paste.js'
import { type Findings as PlacedFindings } from './place-findings.js'
import { type ServerDraft } from './server-draft.js'
import { TextRows } from './text-rows.js'
import { ToolFields } from './tool-fields.js'
import classes from './add.module.css'

export interface ServerFieldsProps {
  draft: ServerDraft
  owner: NamedOwner
  findings: PlacedFindings
  onChange: (part: Partial<ServerDraft>) => void
}

const kinds: ReadonlyArray<[TransportKind, string]> = [['HTTP', 'http: a URL'], ['STDIO', 'stdio: a command on the worker'], ['SSE', 'sse: a URL, the older way']]

/** What the definition of an MCP server says, but for what is rarely changed. */
export function ServerFields({ draft, owner, findings, onChange }: ServerFieldsProps) {
  const props = (field: string, value: string) => ({ value, autoComplete: 'off', spellCheck: false, ...fieldProps(findings(field), value) })
  const pairs = { findings, owner, serverName: draft.name }
  const nearest = namePart(draft.name)
  return (
    <div className={classes.fields}>
      <TextInput label="Name" {...props('name', draft.name)} onChange={({ currentTarget }) => onChange({ name: currentTarget.value })} />
      {nearest !== '' && nearest !== draft.name && <p>The catalog would take <button type="button" className={classes.link} onClick={() => onChange({ name: nearest })}>{nearest}</button>.</p>}
      <Textarea label="Description" autosize={false} rows={2} {...props('description', draft.description)} spellCheck onChange={({ currentTarget }) => onChange({ description: currentTarget.value })} />
      <Radio.Group label="Reached by" value={draft.kind} onChange={(kind) => onChange({ kind: kind })}>
        <div className={classes.radios}>{kinds.map(([value, label]) => <Radio key={value} value={value} label={label} />)}</div>
      </Radio.Group>
      <Findings findings={findings('transport')} isOfOneField />
      {draft.kind === 'STDIO'
        ? (
            <>
              <TextInput label="Command" placeholder="npx" {...props('command', draft.command)} onChange={({ currentTarget }) => onChange({ command: currentTarget.value })} />
              <TextRows label="Arguments" item="Argument" hint="One a field, exactly as the command gets them." values={draft.args} field="args" findings={findings} onChange={(args) => onChange({ args })} />
              <PairRows label="Environment" item="Variable" pairs={draft.env} field="env" {...pairs} onChange={(env) => onChange({ env })} />
            </>
          )
        : (
            <>
              <TextInput label="URL" type="text" inputMode="url" placeholder="https://mcp.example.com/mcp" {...props('url', draft.url)} onChange={({ currentTarget }) => onChange({ url: currentTarget.value })} />
              <PairRows label="Headers" item="Header" pairs={draft.headers} field="headers" {...pairs} onChange={(headers) => onChange({ headers })} />
            </>
          )}
      <ToolFields draft={draft} findings={findings} onChange={onChange} />
    </div>
  )
}
