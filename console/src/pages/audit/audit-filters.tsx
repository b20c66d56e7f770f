import { NativeSelect, TextInput } from '@mantine/core'
import { actionOptions } from './action-options.js'
import { type AuditFilter, type FilterName } from './audit-filter.js'
import { ThingPicker } from './thing-picker.js'
import classes from './audit.module.css'

/** Who, what, which kind of action, with which outcome, and when. */
export function AuditFilters({ filter, onChange }: { filter: AuditFilter; onChange: (name: FilterName, value: string) => void }) {
  const day = (name: 'since' | 'until', label: string) => (
    <TextInput type="date" size="xs" label={label} value={filter[name]} onChange={({ currentTarget }) => onChange(name, currentTarget.value)} />
  )
  return (
    <div className={classes.filters} role="search">
      <ThingPicker label="By" placeholder="Person or worker" isActor value={filter.actor} onChange={(id) => onChange('actor', id)} />
      <ThingPicker label="About" placeholder="Also a former name" value={filter.about} onChange={(id) => onChange('about', id)} />
      <NativeSelect size="xs" label="What was done" className={filter.chain === 'ACCESS' ? undefined : classes.wide} value={filter.action} data={actionOptions(filter.chain)} onChange={({ currentTarget }) => onChange('action', currentTarget.value)} />
      {filter.chain === 'ACCESS' && (
        <NativeSelect
          size="xs" label="Outcome" value={filter.outcome} onChange={({ currentTarget }) => onChange('outcome', currentTarget.value)}
          data={[{ value: '', label: 'Any' }, { value: 'DENIED', label: 'Refused' }, { value: 'BREAK_GLASS', label: 'Broke glass' }, { value: 'OK', label: 'Done' }]}
        />
      )}
      {day('since', 'From')}
      {day('until', 'To')}
    </div>
  )
}
