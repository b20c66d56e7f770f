import { Button, TextInput } from '@mantine/core'
import { useId, useState } from 'react'
import { useLiveQuery } from '../../data/use-live-query.js'
import { useSettled } from '../../data/use-settled.js'
import { type AuditTargetKind, AuditThingsDocument } from '../../generated/graphql.js'
import { InlineError } from '../../parts/inline-error.js'
import { OutsideText } from '../../parts/outside-text.js'
import { aboutThing } from './things.js'
import classes from './audit.module.css'

export interface ThingPickerProps {
  label: string
  placeholder: string
  /** Those alone who may have done something: people and workers. */
  isActor?: boolean
  /** The id of what is chosen; '' for nothing. */
  value: string
  onChange: (id: string) => void
}

const shownAtOnce = 8
const actors: AuditTargetKind[] = ['USER', 'TOKEN']

/** Finds a person or thing by a part of its name, there or gone, and shows what is chosen by name. */
export function ThingPicker({ label, placeholder, isActor = false, value, onChange }: ThingPickerProps) {
  const [search, setSearch] = useState('')
  const asked = useSettled(search.trim())
  const list = useId()
  const chosen = useLiveQuery(AuditThingsDocument, { variables: { ids: [value] }, topics: [], pause: value === '' })
  const { data, problem } = useLiveQuery(AuditThingsDocument, { variables: { search: asked, kinds: isActor ? actors : null }, topics: [], pause: asked === '' || value !== '' })
  if (value !== '') {
    const thing = chosen.data?.auditTargets.find(({ id }) => id === value)
    return (
      <div className={classes.chosen}>
        <span className={classes.label}>{label}</span>
        <span className={classes.name} title={value}><OutsideText>{thing?.name ?? value}</OutsideText>{thing !== undefined && <span className={classes.note}><OutsideText>{aboutThing(thing)}</OutsideText></span>}</span>
        <Button size="compact-xs" variant="default" aria-label={`${label}: anything`} onClick={() => onChange('')}>Clear</Button>
      </div>
    )
  }
  // Whoever comes with a token of their own is told as themself.
  const found = asked === '' ? [] : (data?.auditTargets ?? []).filter(({ kind, owner }) => !isActor || kind !== 'TOKEN' || owner == null)
  return (
    <div>
      <TextInput type="search" size="xs" label={label} placeholder={placeholder} value={search} autoComplete="off" spellCheck={false} aria-controls={list} onChange={({ currentTarget }) => setSearch(currentTarget.value)} />
      <InlineError problem={problem} />
      {asked !== '' && data !== undefined && found.length === 0 && <p role="status" className={classes.note}>Nothing is or was called so.</p>}
      <ul id={list} aria-label={`${label}: what was found`} className={classes.found}>
        {found.slice(0, shownAtOnce).map((thing) => (
          <li key={thing.id}>
            <button type="button" className={classes.pick} title={thing.id} onClick={() => { setSearch(''); onChange(thing.id) }}>
              <OutsideText>{thing.name ?? thing.id}</OutsideText><span className={classes.note}><OutsideText>{aboutThing(thing)}</OutsideText></span>
            </button>
          </li>
        ))}
      </ul>
      {found.length > shownAtOnce && <p className={classes.note}>More match. Type more of the name.</p>}
    </div>
  )
}
