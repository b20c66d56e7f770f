import { NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { type Finding } from '../data/problem.js'
import { type NamedOwner, useViewer } from '../data/viewer.js'
import { type Visibility } from '../generated/graphql.js'
import { Findings } from '../parts/findings.js'
import { fieldProps } from './field-props.js'
import { SharePicker } from './share-picker.js'

export interface Sharing {
  visibility: Visibility
  /** Kept while something else than SHARED is chosen. */
  audience: readonly NamedOwner[]
}

export interface ShareFieldsProps {
  owner: Pick<NamedOwner, 'kind' | 'id'>
  sharing: Sharing
  findings?: (field: 'visibility' | 'audience') => readonly Finding[]
  onChange: (part: Partial<Sharing>) => void
}

const reach: Record<Visibility, string> = { PRIVATE: 'Nobody else', SHARED: 'Those whom I name', PUBLIC: 'Everybody' }

/** Who uses an entry besides its owner, as a part of a form. */
export function ShareFields({ owner, sharing: { visibility, audience }, findings = () => [], onChange }: ShareFieldsProps) {
  const { isAdmin } = useViewer()
  const [wasPublic] = useState(visibility === 'PUBLIC')
  // For everybody only an admin opens what is not the deployment's.
  const offered: readonly Visibility[] = isAdmin || owner.kind === 'DEPLOYMENT' || wasPublic ? ['PRIVATE', 'SHARED', 'PUBLIC'] : ['PRIVATE', 'SHARED']
  return (
    <>
      <NativeSelect
        label="Besides its owner, who uses it?" value={visibility} {...fieldProps(findings('visibility'))} data={offered.map((value) => ({ value, label: reach[value] }))}
        onChange={({ currentTarget }) => onChange({ visibility: currentTarget.value as Visibility })}
      />
      {visibility === 'SHARED' && <SharePicker owner={owner} audience={audience} onChange={(next) => onChange({ audience: next })}><Findings findings={findings('audience')} isOfOneField /></SharePicker>}
    </>
  )
}
