import { type ClipboardEvent, type ReactNode, useDeferredValue, useState } from 'react'
import { useLiveQuery } from '../../data/use-live-query.js'
import { ServerNamesDocument } from '../../generated/graphql.js'
import { Picker } from '../../parts/picker.js'
import { namesPasted } from './agent-draft.js'
import { NamedServer } from './named-servers.js'

export interface ServerNamesProps {
  names: readonly string[]
  onChange: (names: string[]) => void
  /** Findings. */
  children?: ReactNode
}

const shownAtOnce = 6
const choiceOf = (name: string) => ({ id: name, title: name })

/** The MCP servers that an agent names, each with whether it is there for the viewer. Any name can be given: it is looked up in the set of whoever runs the agent. */
export function ServerNames({ names, onChange, children }: ServerNamesProps) {
  const [search, setSearch] = useState('')
  const typed = search.trim()
  const wanted = useDeferredValue(typed)
  const { data } = useLiveQuery(ServerNamesDocument, { variables: { search: wanted === '' ? null : wanted }, topics: ['entries', 'approvals', 'policy'] })
  const known = [...new Set((data?.mcpServers.nodes ?? []).map(({ name }) => name))].filter((name) => !names.includes(name) && name.includes(typed)).sort((a, b) => Number(b === typed) - Number(a === typed))
  const unknown = typed === '' || known.includes(typed) ? [] : [typed]
  const add = (more: readonly string[]) => {
    setSearch('')
    onChange([...new Set([...names, ...more])])
  }
  // A list that was copied from somewhere becomes as many names.
  const paste = (event: ClipboardEvent<HTMLInputElement>) => {
    const pasted = namesPasted(event.clipboardData.getData('text'))
    if (pasted.length < 2) return
    event.preventDefault()
    add(pasted)
  }
  return (
    <Picker
      legend="MCP servers that it names" nothing="None yet." chosen={names.map(choiceOf)} shown={({ title }) => <NamedServer name={title} />}
      label="Add by name" description="A part of the name of one that you can use, or any name; each is looked up in the set of whoever runs the agent."
      search={search} onSearch={setSearch} found={names.includes(typed) ? [] : [...known.slice(0, shownAtOnce), ...unknown].map(choiceOf)}
      onAdd={({ title }) => add([title])} onRemove={({ title }) => onChange(names.filter((name) => name !== title))} onPaste={paste}
    >
      {children}
    </Picker>
  )
}
