import { type NamedOwner } from '../../data/viewer.js'
import { Button, TextInput } from '@mantine/core'
import { Findings } from '../../parts/findings.js'
import { fieldProps } from '../../entries/field-props.js'
import { type Findings as PlacedFindings } from './place-findings.js'
import { SecretOffer } from './secret-offer-button.js'
import { offerOf } from './secret-offer.js'
import { type Pair } from './server-draft.js'
import { useRowFocus } from './use-row-focus.js'
import classes from './add.module.css'

export interface PairRowsProps {
  label: string
  /** "Header" or "Variable". */
  item: string
  pairs: readonly Pair[]
  field: 'headers' | 'env'
  findings: PlacedFindings
  owner: NamedOwner
  serverName: string
  onChange: (pairs: Pair[]) => void
}

/** Headers or environment, and under a value that belongs among the secrets the way there. */
export function PairRows({ label, item, pairs, field, findings, owner, serverName, onChange }: PairRowsProps) {
  const { list, add, onAdd, onRemove } = useRowFocus(pairs.length)
  const change = (at: number, part: Partial<Pair>) => onChange(pairs.with(at, { ...pairs[at]!, ...part }))
  return (
    <fieldset className={classes.rows}>
      <legend>{label}</legend>
      <p className={classes.hint}>Secrets as <code>{'${secret:NAME}'}</code> (of the owner) or <code>{'${user:NAME}'}</code> (of each person).</p>
      <ul ref={list}>
        {pairs.map((pair, at) => {
          const found = findings(`${field}.${at}`)
          const offer = found.map((finding) => offerOf(finding, pair, field, serverName)).find((one) => one !== null) ?? null
          return (
            <li key={at}>
              <div className={classes.pair}>
                <TextInput
                  aria-label={`${item} ${at + 1}: name`} placeholder="Name" value={pair.name} autoComplete="off" spellCheck={false}
                  onChange={({ currentTarget }) => change(at, { name: currentTarget.value })}
                />
                <TextInput
                  aria-label={`${item} ${at + 1}: value`} placeholder="Value" value={pair.value} autoComplete="off" spellCheck={false} {...fieldProps(found, pair.value)}
                  onChange={({ currentTarget }) => change(at, { value: currentTarget.value })}
                />
                <Button variant="default" aria-label={`Remove ${item.toLowerCase()} ${at + 1}`} onClick={() => { onChange(pairs.toSpliced(at, 1)); onRemove() }}>Remove</Button>
              </div>
              {offer !== null && <SecretOffer key={`${offer.name} ${offer.isStanding}`} offer={offer} owner={owner} onStored={(reference) => { if (!offer.isStanding) change(at, { value: offer.prefix + reference }) }} />}
            </li>
          )
        })}
      </ul>
      <Findings findings={findings(field)} isOfOneField />
      <Button ref={add} variant="default" size="compact-sm" className={classes.add} onClick={() => { onChange([...pairs, { name: '', value: '' }]); onAdd() }}>Add {item.toLowerCase()}</Button>
    </fieldset>
  )
}
