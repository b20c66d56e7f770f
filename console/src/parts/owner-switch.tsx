import { NativeSelect } from '@mantine/core'
import { useNavigate } from 'react-router'
import { type Action } from '../../../src/core/access.js'
import { ownerOfScope, type Scope, scopeOf, scopeTitle } from '../data/scope.js'
import { useLiveQuery } from '../data/use-live-query.js'
import { useViewer } from '../data/viewer.js'
import { EveryTeamDocument, OwnerNameDocument } from '../generated/graphql.js'
import { shownText } from './shown-text.js'

export interface OwnerSwitchProps {
  /** Those are offered for whom the viewer may do this. */
  action: Action
  /** The path of the section; the scope follows it. */
  path: string
  scope: Scope
}

/** Whose things a page shows: oneself, one's teams and the deployment, and for admins every team. */
export function OwnerSwitch({ action, path, scope }: OwnerSwitchProps) {
  const viewer = useViewer()
  const navigate = useNavigate()
  const { data } = useLiveQuery(EveryTeamDocument, { variables: {}, topics: ['people'], pause: !viewer.isAdmin })
  const known = new Set(viewer.owners.map(({ id }) => id))
  const others = (data?.teams ?? []).filter(({ id }) => !known.has(id)).map(({ id, displayName }) => ({ kind: 'TEAM' as const, id, displayName }))
  const offered = [...viewer.owners, ...others].filter((owner) => viewer.can(action, owner))
  const options = offered.map((owner) => ({ value: scopeOf(owner, viewer.id), label: shownText(owner.kind === 'TEAM' ? `Team ${owner.displayName}` : scopeTitle(owner, viewer.id)) }))
  // Somebody else's, opened by its address.
  const isOther = !options.some(({ value }) => value === scope)
  const { data: other } = useLiveQuery(OwnerNameDocument, { variables: { id: ownerOfScope(scope)?.id ?? '' }, topics: ['people'], pause: !isOther })
  const name = other?.node != null && 'displayName' in other.node ? other.node.displayName : scope
  if (isOther) options.push({ value: scope, label: shownText(name) })
  return <NativeSelect label="Whose" value={scope} data={options} onChange={({ currentTarget }) => void navigate(`${path}/${currentTarget.value}`)} />
}
