import { TextInput, useMantineColorScheme } from '@mantine/core'
import { type KeyboardEvent, useId, useState } from 'react'
import { useNavigate } from 'react-router'
import { scopeOf, scopeTitle } from '../data/scope.js'
import { useLiveQuery } from '../data/use-live-query.js'
import { useViewer } from '../data/viewer.js'
import { PaletteEntriesDocument } from '../generated/graphql.js'
import { Dialog } from '../parts/dialog.js'
import { OutsideText } from '../parts/outside-text.js'
import { type Section } from '../sections.js'
import classes from './palette.module.css'

interface Command {
  id: string
  title: string
  hint: string
  run: () => void
}

/** Everything that can be gone to, by typing a part of its name: pages, their scopes, what is done there, MCP servers and agents; and what the header does. */
export function Palette({ sections, onSignOut, onClose }: { sections: readonly Section[]; onSignOut: () => void; onClose: () => void }) {
  const [text, setText] = useState('')
  const [chosen, setChosen] = useState(0)
  const commands = useCommands(sections, text, onSignOut)
  const at = Math.min(chosen, commands.length - 1)
  const list = useId()
  const run = (command: Command | undefined) => {
    if (command === undefined) return
    onClose()
    command.run()
  }
  const onKey = (event: KeyboardEvent) => {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (event.key === 'Enter') run(commands[at])
    if (move === undefined) return
    event.preventDefault()
    setChosen((at + move + commands.length) % Math.max(1, commands.length))
  }
  return (
    <Dialog isOpen isAtTop onClose={onClose} title="Go to">
      <TextInput
        data-autofocus aria-label="Page, act, MCP server or agent" placeholder="Page, act, MCP server or agent" value={text} onKeyDown={onKey} autoComplete="off" spellCheck={false}
        onChange={({ currentTarget }) => { setText(currentTarget.value); setChosen(0) }}
        role="combobox" aria-expanded="true" aria-controls={list} aria-activedescendant={commands[at] && `${list}-${at}`}
      />
      <ul id={list} role="listbox" aria-label="What can be gone to" className={classes.list}>
        {commands.map((command, index) => (
          <li key={command.id} id={`${list}-${index}`} role="option" aria-selected={index === at} className={classes.option} onClick={() => run(command)}>
            <OutsideText>{command.title}</OutsideText> <span className={classes.hint}><OutsideText>{command.hint}</OutsideText></span>
          </li>
        ))}
      </ul>
      {commands.length === 0 && <p role="status">Nothing is called so.</p>}
    </Dialog>
  )
}

function useCommands(sections: readonly Section[], text: string, onSignOut: () => void): Command[] {
  const navigate = useNavigate()
  const viewer = useViewer()
  const { setColorScheme } = useMantineColorScheme()
  const search = text.trim()
  const { data } = useLiveQuery(PaletteEntriesDocument, { variables: { search }, topics: ['entries'], pause: search === '' })
  const go = (path: string) => () => void navigate(path)
  const fixed: Command[] = [
    ...sections.flatMap(({ path, title, hasScopes, add, acts }) => [
      { id: path, title, hint: 'page', run: go(`/${path}`) },
      ...(add === undefined ? [] : [{ id: `${path}/add`, title: add, hint: 'act', run: go(`/${path}/add`) }]),
      ...(acts?.(viewer) ?? []).map((act) => ({ id: `act ${act.to}`, title: act.title, hint: 'act', run: go(act.to) })),
      ...(hasScopes ? viewer.owners.map((owner) => {
        const scope = scopeOf(owner, viewer.id)
        return { id: `${path}/${scope}`, title: `${title}: ${scopeTitle(owner, viewer.id)}`, hint: 'page', run: go(`/${path}/${scope}`) }
      }) : []),
    ]),
    ...(['dark', 'light', 'auto'] as const).map((scheme) => ({ id: `colours ${scheme}`, title: `Colours: ${scheme === 'auto' ? 'as the system' : scheme}`, hint: 'setting', run: () => setColorScheme(scheme) })),
    { id: 'sign out', title: 'Sign out', hint: 'act', run: onSignOut },
  ]
  const found = [['MCP server', '/integrations', data?.mcpServers.nodes ?? []], ['agent', '/agents', data?.agents.nodes ?? []]] as const
  const entries = search === '' ? [] : found.flatMap(([kind, path, nodes]) => nodes.map(({ id, name, owner }) => ({
    id, title: name, hint: `${kind}, ${scopeTitle(owner, viewer.id)}`, run: go(`${path}/all/${id}`),
  })))
  const wanted = search.toLowerCase()
  return [...fixed.filter(({ title }) => title.toLowerCase().includes(wanted)), ...entries]
}
